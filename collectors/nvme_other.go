//go:build !linux

package collectors

import "github.com/nephoscope/nephoscope/config"

// buildNVMe has nobody to ask: only Linux passes commands on to controllers.
func buildNVMe(p config.Plugin, _ Host, ebs, store *sheet[nvmeReading]) (Collector, config.Problems) {
	if ebs == nil && store == nil {
		return nil, nil
	}
	return nil, config.Problems{config.Suspicion(p.Place, "diskio collects nothing of ebs_… and instance_store_… here: it asks what Linux alone passes on", "")}
}
