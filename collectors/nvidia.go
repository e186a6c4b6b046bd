package collectors

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// gpu is one graphics processor as nvidia-smi -q -x tells it. Figures have a unit behind them, which all drivers agree on, or
// are N/A.
type gpu struct {
	Name string `xml:"product_name"`
	// Arch is not of the documents that the original sends no architecture of.
	Arch        string `xml:"product_architecture"`
	Fan         string `xml:"fan_speed"`
	Temperature string `xml:"temperature>gpu_temp"`
	Utilization struct {
		GPU    string `xml:"gpu_util"`
		Memory string `xml:"memory_util"`
	} `xml:"utilization"`
	Memory struct {
		Total string `xml:"total"`
		Used  string `xml:"used"`
		Free  string `xml:"free"`
	} `xml:"fb_memory_usage"`
	LinkGen   string `xml:"pci>pci_gpu_link_info>pcie_gen>current_link_gen"`
	LinkWidth string `xml:"pci>pci_gpu_link_info>link_widths>current_link_width"`
	Encoder   struct {
		Sessions string `xml:"session_count"`
		FPS      string `xml:"average_fps"`
		Latency  string `xml:"average_latency"`
	} `xml:"encoder_stats"`
	Clocks struct {
		Graphics string `xml:"graphics_clock"`
		SM       string `xml:"sm_clock"`
		Memory   string `xml:"mem_clock"`
		Video    string `xml:"video_clock"`
	} `xml:"clocks"`
	// Drivers have said what it draws in one place after the other.
	PowerReadings    powerReadings `xml:"power_readings"`
	GPUPowerReadings powerReadings `xml:"gpu_power_readings"`
}

type powerReadings struct {
	Draw    string `xml:"power_draw"`
	Instant string `xml:"instant_power_draw"`
}

// nvidiaTable has no units, as the original has none: memory is MiB, clocks MHz, power W, temperature °C, the rest percent or
// a number.
var nvidiaTable = []row[gpu]{
	{"clocks_current_graphics", cloudwatch.None, func(g *gpu) float64 { return figure(g.Clocks.Graphics) }},
	{"clocks_current_memory", cloudwatch.None, func(g *gpu) float64 { return figure(g.Clocks.Memory) }},
	{"clocks_current_sm", cloudwatch.None, func(g *gpu) float64 { return figure(g.Clocks.SM) }},
	{"clocks_current_video", cloudwatch.None, func(g *gpu) float64 { return figure(g.Clocks.Video) }},
	{"encoder_stats_average_fps", cloudwatch.None, func(g *gpu) float64 { return figure(g.Encoder.FPS) }},
	{"encoder_stats_average_latency", cloudwatch.None, func(g *gpu) float64 { return figure(g.Encoder.Latency) }},
	{"encoder_stats_session_count", cloudwatch.None, func(g *gpu) float64 { return figure(g.Encoder.Sessions) }},
	{"fan_speed", cloudwatch.None, func(g *gpu) float64 { return figure(g.Fan) }},
	{"memory_free", cloudwatch.None, func(g *gpu) float64 { return figure(g.Memory.Free) }},
	{"memory_total", cloudwatch.None, func(g *gpu) float64 { return figure(g.Memory.Total) }},
	{"memory_used", cloudwatch.None, func(g *gpu) float64 { return figure(g.Memory.Used) }},
	{"pcie_link_gen_current", cloudwatch.None, func(g *gpu) float64 { return figure(g.LinkGen) }},
	{"pcie_link_width_current", cloudwatch.None, func(g *gpu) float64 { return figure(g.LinkWidth) }},
	{"power_draw", cloudwatch.None, (*gpu).power},
	{"temperature_gpu", cloudwatch.None, func(g *gpu) float64 { return figure(g.Temperature) }},
	{"utilization_gpu", cloudwatch.None, func(g *gpu) float64 { return figure(g.Utilization.GPU) }},
	{"utilization_memory", cloudwatch.None, func(g *gpu) float64 { return figure(g.Utilization.Memory) }},
}

// figure is the number that a text begins with: 34 %, 16x, 25.10 W. NaN for N/A and whatever else is said in place of one.
func figure(text string) float64 {
	end := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(text)
	}
	n, err := strconv.ParseFloat(text[:end], 64)
	if err != nil {
		return math.NaN()
	}
	return n
}

func (g *gpu) power() float64 {
	for _, text := range []string{g.GPUPowerReadings.Draw, g.GPUPowerReadings.Instant, g.PowerReadings.Draw, g.PowerReadings.Instant} {
		if w := figure(text); !math.IsNaN(w) {
			return w
		}
	}
	return math.NaN()
}

var errNotNvidia = errors.New("nvidia-smi wrote no list of graphics processors")

// parseNvidia reads what nvidia-smi -q -x writes: of any driver, for all that is measured has stayed where it was but power.
func parseNvidia(text []byte) ([]gpu, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	early := true // the document does not say of which version it is, or is of one before 12
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil, errNotNvidia
		} else if err != nil {
			return nil, fmt.Errorf("read what nvidia-smi wrote: %w", err)
		}
		switch token := token.(type) {
		case xml.Directive:
			version, named := bytes.CutPrefix(token[max(0, bytes.LastIndexByte(token, '"')-len("nvsmi_device_v00.dtd")):], []byte("nvsmi_device_v"))
			early = !named || bytes.HasPrefix(version, []byte("10.")) || bytes.HasPrefix(version, []byte("11."))
		case xml.StartElement:
			if token.Name.Local != "nvidia_smi_log" {
				return nil, errNotNvidia
			}
			var log struct {
				GPUs []gpu `xml:"gpu"`
			}
			if err := d.DecodeElement(&log, &token); err != nil {
				return nil, fmt.Errorf("read what nvidia-smi wrote: %w", err)
			}
			for i := range log.GPUs {
				if log.GPUs[i].tidy(); early {
					log.GPUs[i].Arch = ""
				}
			}
			return log.GPUs, nil
		}
	}
}

// tidy takes the white space off what becomes dimensions.
func (g *gpu) tidy() { g.Name, g.Arch = strings.TrimSpace(g.Name), strings.TrimSpace(g.Arch) }
