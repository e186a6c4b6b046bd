package agent

import "testing"

// What explain says of the budget is what the agent does at its first flush.
func TestPlanTellsWhatTheBudgetHasNoRoomFor(t *testing.T) {
	t.Parallel()
	c := parse(t, `{"nephoscope": {"series_budget": 10}, "metrics": {"aggregation_dimensions": [[]], "metrics_collected": {
		"mem": {"measurement": ["used", "free", "total", "active", "cached", "buffered", "inactive"]}, "uptime": {"measurement": ["seconds"]}}}}`)
	p, err := MakePlan(t.Context(), c, Env{Mode: OnPremise})
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]int{}
	all := 0
	for _, own := range p.Plugins {
		refused[own.Plugin.Name] = own.Refused
		all += len(own.Data)
	}
	if all != 16 || refused["mem"] != 14-9 || refused["uptime"] != 1 {
		t.Errorf("of %d series: %v", all, refused)
	}
}
