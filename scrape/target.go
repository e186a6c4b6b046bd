package scrape

import (
	"fmt"
	"hash/maphash"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// target is one address that is scraped.
type target struct {
	job      *Job
	client   *client
	url      string
	labels   labels.Labels // those that every sample has
	key      string        // what makes it another target
	interval time.Duration
	timeout  time.Duration

	size   atomic.Int64 // of its last body
	deltas *deltas
	state  state
}

// instance is how a target is called in messages.
func (t *target) instance() string { return t.labels.Get(instanceLabel) }

// newTarget is what a job makes of an address and its labels; nil: relabelling drops it (prometheus scrape/target.go, PopulateLabels).
func newTarget(j *Job, address string, with map[string]string) (*target, error) {
	b := labels.NewBuilder(labels.EmptyLabels())
	b.Set(jobLabel, j.Name)
	b.Set(model.ScrapeIntervalLabel, model.Duration(j.Interval).String())
	b.Set(model.ScrapeTimeoutLabel, model.Duration(j.Timeout).String())
	b.Set(model.MetricsPathLabel, j.MetricsPath)
	b.Set(model.SchemeLabel, j.Scheme)
	for name, values := range j.Params {
		if len(values) > 0 {
			b.Set(model.ParamLabelPrefix+name, values[0])
		}
	}
	for name, value := range with {
		b.Set(name, value)
	}
	b.Set(addressLabel, address)
	if !relabel.ProcessBuilder(b, j.relabel...) {
		return nil, nil
	}
	t := &target{job: j}
	address = b.Get(addressLabel)
	if why := badAddress(address); why != "" {
		return nil, fmt.Errorf("the address %q, after relabel_configs, %s", address, why)
	}
	if b.Get(instanceLabel) == "" {
		b.Set(instanceLabel, address)
	}
	all := b.Labels()
	var err error
	if t.interval, err = duration(all.Get(model.ScrapeIntervalLabel)); err != nil {
		return nil, fmt.Errorf("the label %s of %s is no duration", model.ScrapeIntervalLabel, address)
	}
	if t.timeout, err = duration(all.Get(model.ScrapeTimeoutLabel)); err != nil || t.timeout > t.interval {
		return nil, fmt.Errorf("the label %s of %s is no duration of at most the interval", model.ScrapeTimeoutLabel, address)
	}
	t.url = addressOf(j, all)
	all.Range(func(l labels.Label) {
		if strings.HasPrefix(l.Name, model.MetaLabelPrefix) {
			b.Del(l.Name)
		}
	})
	t.key = b.Labels().String() + t.url
	all.Range(func(l labels.Label) {
		if strings.HasPrefix(l.Name, model.ReservedLabelPrefix) {
			b.Del(l.Name)
		}
	})
	t.labels = b.Labels()
	return t, nil
}

// addressOf is the URL that is asked. It may hold secrets, and is in no message.
func addressOf(j *Job, all labels.Labels) string {
	values := url.Values{}
	for name, of := range j.Params {
		values[name] = append([]string(nil), of...)
	}
	all.Range(func(l labels.Label) {
		name, ok := strings.CutPrefix(l.Name, model.ParamLabelPrefix)
		if !ok {
			return
		}
		if of := values[name]; len(of) > 0 {
			of[0] = l.Value
		} else {
			values[name] = []string{l.Value}
		}
	})
	u := url.URL{Scheme: all.Get(model.SchemeLabel), Host: all.Get(addressLabel), Path: all.Get(model.MetricsPathLabel), RawQuery: values.Encode()}
	if path, query, ok := strings.Cut(u.Path, "?"); ok { // a relabelled path may bring parameters
		u.Path, u.RawQuery = path, strings.Trim(query+"&"+u.RawQuery, "&")
	}
	return u.String()
}

func duration(text string) (time.Duration, error) {
	d, err := model.ParseDuration(text)
	if err == nil && d <= 0 {
		err = fmt.Errorf("it is zero")
	}
	return time.Duration(d), err
}

// seed makes targets of many hosts come at different moments.
var seed = maphash.MakeSeed()

// first is how long to wait for the first scrape: targets are spread over the interval, and each keeps its moment.
func (t *target) first(now time.Time) time.Duration {
	offset := time.Duration(maphash.String(seed, t.key) % uint64(t.interval))
	wait := offset - time.Duration(now.UnixNano())%t.interval
	if wait < 0 {
		wait += t.interval
	}
	return wait
}
