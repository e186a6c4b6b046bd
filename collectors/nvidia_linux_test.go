package collectors

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestNvidiaOfEveryGenerationOfDrivers(t *testing.T) {
	t.Parallel()
	f := func(version string, want map[string]float64) {
		t.Helper()
		m := newMachine(t)
		text, err := os.ReadFile(filepath.Join("testdata", "nvidia", version+".xml"))
		if err != nil {
			t.Fatal(err)
		}
		m.write("nvidia-smi.xml", string(text))
		expect(t, collect(t, mustBuild(t, everything("nvidia_gpu"), m.Host)), want)
	}
	of := func(dims string, values map[string]float64, of ...map[string]float64) map[string]float64 {
		all := map[string]float64{}
		for name, v := range values {
			all["nvidia_smi_"+name+"{"+dims+"}"] = v
		}
		for _, more := range of {
			for name, v := range more {
				all[name] = v
			}
		}
		return all
	}
	f("v10", of("index=0,name=Tesla K80", map[string]float64{
		"clocks_current_graphics": 324, "clocks_current_sm": 324, "clocks_current_memory": 324, "clocks_current_video": 405,
		"encoder_stats_average_fps": 0, "encoder_stats_average_latency": 0, "memory_total": 11441, "memory_used": 0, "memory_free": 11441,
		"pcie_link_gen_current": 1, "pcie_link_width_current": 16, "power_draw": 29.09, "temperature_gpu": 33, "utilization_gpu": 0, "utilization_memory": 0,
	}))
	f("v11", of("index=0,name=Tesla T4", map[string]float64{
		"clocks_current_graphics": 585, "clocks_current_sm": 585, "clocks_current_memory": 5000, "clocks_current_video": 810,
		"encoder_stats_session_count": 0, "encoder_stats_average_fps": 0, "encoder_stats_average_latency": 0,
		"memory_total": 15360, "memory_used": 1032, "memory_free": 13939,
		"pcie_link_gen_current": 3, "pcie_link_width_current": 8, "power_draw": 26.78, "temperature_gpu": 40, "utilization_gpu": 37, "utilization_memory": 12,
	}))
	a10g := map[string]float64{
		"clocks_current_graphics": 1710, "clocks_current_sm": 1710, "clocks_current_memory": 6251, "clocks_current_video": 1500, "fan_speed": 0,
		"encoder_stats_session_count": 1, "encoder_stats_average_fps": 0, "encoder_stats_average_latency": 0,
		"memory_total": 23028, "memory_used": 20000, "memory_free": 2502,
		"pcie_link_gen_current": 4, "pcie_link_width_current": 16, "power_draw": 140.12, "temperature_gpu": 27, "utilization_gpu": 90, "utilization_memory": 1,
	}
	first := of("arch=Ampere,index=0,name=NVIDIA A10G", a10g)
	for name, v := range map[string]float64{"encoder_stats_session_count": 2, "memory_used": 4, "memory_free": 22498, "power_draw": 50.12, "utilization_gpu": 0} {
		a10g[name] = v
	}
	f("v12", of("arch=Ampere,index=1,name=NVIDIA A10G", a10g, first, of("arch=Ampere,index=2,name=NVIDIA A10G", map[string]float64{ // the third is sick
		"memory_total": 23028, "encoder_stats_average_fps": 0, "encoder_stats_average_latency": 0,
	})))
	rtx := map[string]float64{
		"clocks_current_graphics": 210, "clocks_current_sm": 210, "clocks_current_memory": 405, "clocks_current_video": 555, "fan_speed": 30,
		"encoder_stats_session_count": 0, "encoder_stats_average_fps": 0, "encoder_stats_average_latency": 0,
		"memory_total": 24576, "memory_used": 7, "memory_free": 24120,
		"pcie_link_gen_current": 1, "pcie_link_width_current": 16, "power_draw": 35.15, "temperature_gpu": 32, "utilization_gpu": 3, "utilization_memory": 1,
	}
	f("v13", of("arch=Ampere,index=0,name=NVIDIA GeForce RTX 3090", rtx))
	f("v99", of("arch=Later,index=0,name=NVIDIA of Tomorrow", rtx)) // of a driver that is not there yet
}

func TestFigures(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		"34 %": 34, "16x": 16, "25.10 W": 25.1, "0": 0, "N/A": math.NaN(), "": math.NaN(), "[N/A]": math.NaN(), "-1": math.NaN(), "1.2.3": math.NaN(),
		"Unknown Error": math.NaN(), "Inf": math.NaN(), ".": math.NaN(),
	} {
		if got := figure(text); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%q: got %g, want %g", text, got, want)
		}
	}
}

func TestWhatIsNoListOfProcessorsIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "NVIDIA-SMI has failed", "<html></html>", "<nvidia_smi_log><gpu>", "<!DOCTYPE x"} {
		if gpus, err := parseNvidia([]byte(text)); err == nil {
			t.Errorf("%q: %v", text, gpus)
		}
	}
	if gpus, err := parseNvidia([]byte("<nvidia_smi_log></nvidia_smi_log>")); err != nil || len(gpus) != 0 {
		t.Errorf("a host whose processors are gone: %v, %v", gpus, err)
	}
}

// script is a program in the place of nvidia-smi.
func script(t *testing.T, text string) *nvidiaCollector {
	t.Helper()
	c := mustBuild(t, measuring("nvidia_gpu", "memory_total"), Host{}).(*nvidiaCollector)
	c.program = filepath.Join(t.TempDir(), "nvidia-smi")
	syscall.ForkLock.RLock() // a program that a child of another test still has open for writing cannot be started
	err := os.WriteFile(c.program, []byte("#!/bin/sh\n"+text), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	c.trusted = func(string) error { return nil } // it is not root's unless root runs the test
	return c
}

func TestNvidiaProgramIsAsked(t *testing.T) {
	t.Parallel()
	list, err := filepath.Abs("testdata/nvidia/v11.xml")
	if err != nil {
		t.Fatal(err)
	}
	c := script(t, `[ "$*" = "-q -x" ] && cat `+list)
	expect(t, collect(t, c), map[string]float64{"nvidia_smi_memory_total{index=0,name=Tesla T4}": 15360})
	c = script(t, "echo 'NVIDIA-SMI has failed because it is a test'\nexit 9")
	_, err = c.Collect(t.Context(), noon)
	if err == nil || !strings.Contains(err.Error(), `exit status 9: "NVIDIA-SMI has failed because it is a test"`) {
		t.Errorf("error is %v", err)
	}
	c = script(t, "exit 3")
	if _, err = c.Collect(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "exit status 3, and it said nothing") {
		t.Errorf("error is %v", err)
	}
	if err := os.WriteFile(c.program, []byte("#!/nowhere\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = c.Collect(t.Context(), noon)
	if _, notice := errors.AsType[Notice](err); notice || err == nil || !strings.Contains(err.Error(), "interpreted by is missing") {
		t.Errorf("error is %v", err)
	}
	c.trusted = rootsAlone
	for _, mode := range []os.FileMode{0o775, 0o757} {
		if err := os.Chmod(c.program, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Collect(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "is not started: it has to be root's") {
			t.Errorf("mode %#o: %v", mode, err)
		}
	}
}

func TestNvidiaProgramThatTakesTooLongIsEndedWithAllItStarted(t *testing.T) {
	t.Parallel()
	c := script(t, "sleep 600 &\necho begun\nwait\n")
	c.patience = 50 * time.Millisecond
	_, err := c.Collect(t.Context(), noon)
	if err == nil || !strings.Contains(err.Error(), "it did not answer in 50ms, and was ended") {
		t.Errorf("error is %v", err)
	}
}

func TestWithoutNvidiaProgramThereIsOneLine(t *testing.T) {
	t.Parallel()
	c := mustBuild(t, everything("nvidia_gpu"), Host{}).(*nvidiaCollector)
	c.program = filepath.Join(t.TempDir(), "nvidia-smi")
	_, err := c.Collect(t.Context(), noon)
	if _, notice := errors.AsType[Notice](err); !notice || !strings.Contains(err.Error(), "it comes with NVIDIA's driver") {
		t.Errorf("error is %v", err)
	}
}

func TestNvidiaProgramThatHangsIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	synctest.Test(t, func(t *testing.T) {
		c := mustBuild(t, everything("nvidia_gpu"), m.Host).(*nvidiaCollector)
		hung, started := make(chan struct{}), atomic.Int32{}
		c.output.question = func(string) ([]byte, error) {
			started.Add(1)
			<-hung
			return []byte("<nvidia_smi_log></nvidia_smi_log>"), nil
		}
		before := time.Now()
		for range 5 {
			if data, err := c.Collect(t.Context(), noon); len(data) != 0 || err == nil || !strings.Contains(err.Error(), "no answer since") {
				t.Errorf("%d data, %v", len(data), err)
			}
		}
		if took := time.Since(before); started.Load() != 1 || took > 8*time.Second {
			t.Errorf("started %d times, waited %s", started.Load(), took)
		}
		close(hung)
		synctest.Wait()
		if _, err := c.Collect(t.Context(), noon); err != nil || started.Load() != 2 {
			t.Errorf("started %d times, %v", started.Load(), err)
		}
	})
}

func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	b := bounded{most: 5}
	for _, text := range []string{"abc", "de", "f", ""} {
		if n, err := b.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	if b.String() != "abcde" || !b.cut {
		t.Errorf("kept %q, cut %t", b.String(), b.cut)
	}
}
