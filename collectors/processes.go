package collectors

import (
	"math"

	"github.com/nephoscope/nephoscope/cloudwatch"
)

// processCounts is how many processes there are in each state, by the letter that the kernel has for it (proc_pid_stat(5)).
type processCounts struct {
	state          [128]int
	total, threads int
}

// processesTable has the units of the original: it has none for zombies. A state that is in no row, such as parked, is
// within the total.
var processesTable = []row[processCounts]{
	{"blocked", cloudwatch.Count, func(p *processCounts) float64 { return float64(p.state['D']) }},
	{"dead", cloudwatch.Count, func(p *processCounts) float64 { return float64(p.state['X']) }},
	{"idle", cloudwatch.Count, func(p *processCounts) float64 { return float64(p.state['I']) }},
	{"paging", cloudwatch.Count, func(p *processCounts) float64 { return float64(p.state['W']) }},
	{"running", cloudwatch.Count, func(p *processCounts) float64 { return float64(p.state['R']) }},
	{"sleeping", cloudwatch.Count, func(p *processCounts) float64 { return float64(p.state['S']) }},
	{"stopped", cloudwatch.Count, func(p *processCounts) float64 { return float64(p.state['T'] + p.state['t']) }},
	{"total", cloudwatch.Count, func(p *processCounts) float64 { return float64(p.total) }},
	{"total_threads", cloudwatch.Count, func(p *processCounts) float64 { return float64(p.threads) }},
	{"wait", cloudwatch.Count, func(*processCounts) float64 { return math.NaN() }}, // a state of FreeBSD, which Linux never tells
	{"zombies", cloudwatch.None, func(p *processCounts) float64 { return float64(p.state['Z']) }},
}
