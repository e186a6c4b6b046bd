package agent

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nephoscope/nephoscope/cloudwatch"
	"github.com/nephoscope/nephoscope/config"
	"go.uber.org/zap"
)

// Mode is where the agent believes it runs.
type Mode string

const (
	Auto      Mode = "auto"
	EC2       Mode = "ec2"
	OnPremise Mode = "onPremise"
)

// ParseMode reads a mode; onPrem is the original's other word for onPremise.
func ParseMode(s string) (Mode, error) {
	switch {
	case s == "" || strings.EqualFold(s, string(Auto)):
		return Auto, nil
	case strings.EqualFold(s, string(EC2)):
		return EC2, nil
	case strings.EqualFold(s, string(OnPremise)) || strings.EqualFold(s, "onPrem"):
		return OnPremise, nil
	}
	return "", fmt.Errorf("unknown mode %q (auto, ec2 or onPremise)", s)
}

const (
	askTime = 2 * time.Second // for one question to the metadata service
	// asksOnPremise is how often a host that does not look like EC2 is asked before it counts as one that is not.
	asksOnPremise = 3
	firstAsk      = time.Second
	longAsk       = 3 * time.Minute
)

// ec2Dimensions are the dimensions that append_dimensions can ask for.
const (
	dimGroup    = "AutoScalingGroupName"
	dimImage    = "ImageId"
	dimInstance = "InstanceId"
	dimType     = "InstanceType"
)

// identity finds out who this host is. What is asked for and not known yet is waited for; that there is no metadata
// service at all is an answer too, on a host that does not claim or look to be an EC2 instance.
type identity struct {
	env Env

	mu       sync.Mutex
	instance *Instance // nil: not known
	group    *string   // nil: not known; "": in none
	absent   bool      // there is no metadata service, as far as we can tell
	settled  chan struct{}
}

func newIdentity(env Env) *identity { return &identity{env: env, settled: make(chan struct{})} }

// need is what somebody waits for the instance's identity for, and what becomes of it.
type need struct {
	group          bool   // the Auto Scaling group as well
	waits, without string // said while it is not known, and when there is nobody to ask
}

// needs of a configuration: dimensions and names of log groups and streams, or nothing but the region.
func needs(identity, group bool) need {
	if !identity {
		return need{
			waits:   "the region is not known yet; nothing can be sent without",
			without: "no EC2 metadata service, and nobody else says which region this is: set agent.region or AWS_REGION",
		}
	}
	return need{
		group:   group,
		waits:   "this host's EC2 identity is not known yet; metrics and log files that are named after it wait",
		without: "no EC2 metadata service; going on with the host name, and asking again from time to time (--mode ec2 waits for it instead)",
	}
}

// find asks until everything is known that is needed. It goes on asking, slowly, where there seems to be nobody.
func (id *identity) find(ctx context.Context, n need, dest Destination) {
	wait := firstAsk
	var warned string
	for asks := 1; ; asks++ {
		err := id.ask(ctx, n.group, dest)
		if err == nil || ctx.Err() != nil {
			return
		}
		if !id.knowsInstance() && asks == id.patience() {
			id.giveUp(n, err)
			wait = longAsk
		} else if text := err.Error(); text != warned && !id.isAbsent() {
			warned = text
			id.env.Log.Warn(n.waits, zap.Error(err), zap.String("hint", hint(err)))
		}
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		wait = min(2*wait, longAsk)
	}
}

func hint(err error) string {
	if cloudwatch.ClassOf(err) == cloudwatch.Denied {
		return "allow ec2:DescribeTags in the instance's role, or enable instance tags in the metadata service"
	}
	return "is the metadata service enabled (IMDSv2), with a hop limit that reaches this process?"
}

func (id *identity) ask(ctx context.Context, wantGroup bool, dest Destination) error {
	if !id.knowsInstance() {
		own, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		i, err := id.env.Cloud.Instance(own)
		if err != nil {
			return err
		}
		id.mu.Lock()
		was := id.absent
		id.instance, id.absent = &i, false
		id.settle()
		id.mu.Unlock()
		id.env.Log.Info("this host is an EC2 instance", zap.String("instance_id", i.ID), zap.String("region", i.Region), zap.Bool("after_all", was))
	}
	if !wantGroup || id.knowsGroup() {
		return nil
	}
	own, cancel := context.WithTimeout(ctx, 5*askTime)
	defer cancel()
	id.mu.Lock()
	i := *id.instance
	id.mu.Unlock()
	group, err := id.env.Cloud.AutoScalingGroup(own, i, dest)
	if err != nil {
		return fmt.Errorf("find Auto Scaling group: %w", err)
	}
	id.mu.Lock()
	id.group = &group
	id.mu.Unlock()
	return nil
}

// patience is how many questions may go unanswered before there is nobody to ask; 0: any number.
func (id *identity) patience() int {
	if id.env.Mode == EC2 || id.env.Mode == Auto && LooksLikeEC2(os.ReadFile) {
		return 0
	}
	return asksOnPremise
}

// LooksLikeEC2 reads what the hypervisor says of itself (docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html),
// or takes the word of whoever named a metadata service.
func LooksLikeEC2(read func(path string) ([]byte, error)) bool {
	if os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT") != "" {
		return true
	}
	for file, start := range map[string]string{
		"/sys/devices/virtual/dmi/id/sys_vendor":      "Amazon EC2",
		"/sys/devices/virtual/dmi/id/board_asset_tag": "i-",
		"/sys/hypervisor/uuid":                        "ec2",
	} {
		if raw, err := read(file); err == nil && strings.HasPrefix(strings.TrimSpace(string(raw)), start) {
			return true
		}
	}
	return false
}

func (id *identity) giveUp(n need, err error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	id.absent = true
	id.settle()
	id.env.Log.Warn(n.without, zap.Error(err))
}

// settle lets go on whoever waits to know whether this is an instance. Called with mu held.
func (id *identity) settle() {
	select {
	case <-id.settled:
	default:
		close(id.settled)
	}
}

func (id *identity) knowsInstance() bool {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.instance != nil
}

func (id *identity) knowsGroup() bool {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.group != nil
}

func (id *identity) isAbsent() bool {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.absent
}

// known is the instance, if it is known to be one.
func (id *identity) known() (i Instance, known bool) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.instance == nil {
		return i, false
	}
	return *id.instance, true
}

// region is what the configuration or the environment say, else the instance's.
func (id *identity) region(ctx context.Context, d Destination) (string, error) {
	if d.Region != "" {
		return d.Region, nil
	}
	region, fallback, err := id.env.Cloud.Region(ctx, d)
	if err != nil || region != "" {
		return region, err
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	switch {
	case id.instance != nil:
		return id.instance.Region, nil
	case fallback != "":
		return fallback, nil
	}
	return "", errNoRegion
}

// binder gives data the dimensions of this host, by the original's rules: host, unless append_dimensions is there; then the
// EC2 dimensions that it asks for.
func (id *identity) binder(c *config.Config) func([]cloudwatch.Datum) ([]cloudwatch.Datum, bool) {
	wanted := c.Metrics.AppendDimensions
	inPlugins := variablesIn(c.Metrics)
	host := hostName(c.Agent)
	return func(data []cloudwatch.Datum) ([]cloudwatch.Datum, bool) {
		values, known := id.values(append(slices.Clone(wanted), inPlugins...))
		if !known {
			return nil, false
		}
		var dims []cloudwatch.Dimension
		for _, name := range wanted {
			if v := values["${aws:"+name+"}"]; v != "" {
				dims = append(dims, cloudwatch.Dimension{Name: name, Value: v})
			}
		}
		own := !c.Metrics.AppendsDimensions || len(wanted) > 0 && id.isAbsent()
		if !c.Agent.OmitHostname && own {
			dims = append(dims, cloudwatch.Dimension{Name: "host", Value: host})
		}
		if !own {
			data = cloudwatch.Without(data, "host") // also that of a sender, as the original has it
		}
		return cloudwatch.Bind(data, dims, values), true
	}
}

// values of ${aws:…} variables; known is false while one that is wanted may still be found out.
func (id *identity) values(wanted []string) (values map[string]string, known bool) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if len(wanted) == 0 || id.absent {
		return nil, true
	}
	if id.instance == nil || slices.Contains(wanted, dimGroup) && id.group == nil {
		return nil, false
	}
	values = map[string]string{
		"${aws:" + dimImage + "}": id.instance.ImageID, "${aws:" + dimInstance + "}": id.instance.ID, "${aws:" + dimType + "}": id.instance.Type,
	}
	if id.group != nil {
		values["${aws:"+dimGroup+"}"] = *id.group
	}
	return values, true
}

// variablesIn names the EC2 dimensions that plugins use as variables.
func variablesIn(m *config.Metrics) (names []string) {
	for _, p := range m.Plugins {
		for _, v := range p.AppendDimensions {
			for _, name := range []string{dimGroup, dimImage, dimInstance, dimType} {
				if v == "${aws:"+name+"}" {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func hostName(a config.Agent) string {
	if a.Hostname != "" {
		return a.Hostname
	}
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "UNKNOWN-HOST" // the original's marker
	}
	return name
}

// placeholders are what log group and stream names may hold; those with an answer only EC2 has are marked.
var placeholders = map[string]bool{
	"{instance_id}": true, "{hostname}": true, "{ip_address}": true, "{aws_region}": true, "{account_id}": true,
	"{local_hostname}": false, "{date}": false,
}

// needsInstance tells whether a name cannot be made before it is known whether this is an instance.
func needsInstance(names ...string) bool {
	for _, name := range names {
		for p, ec2 := range placeholders {
			if ec2 && strings.Contains(name, p) {
				return true
			}
		}
	}
	return false
}

// expand replaces placeholders, as the original does: fixed from the start to the end of a run, and a marker for what is
// not known. It is to be called once settled.
func (id *identity) expand(a config.Agent, region string, now time.Time) func(string) string {
	id.mu.Lock()
	defer id.mu.Unlock()
	i := Instance{}
	if id.instance != nil {
		i = *id.instance
	}
	or := func(values ...string) string {
		for _, v := range values {
			if v != "" {
				return v
			}
		}
		return ""
	}
	local := hostName(a)
	return strings.NewReplacer(
		"{instance_id}", or(i.ID, "i-UNKNOWN"),
		"{hostname}", or(i.Hostname, local),
		"{local_hostname}", local,
		"{ip_address}", or(i.PrivateIP, firstAddress(), "UNKNOWN-IP"),
		"{aws_region}", or(region, i.Region, "UNKNOWN-REGION"),
		"{account_id}", or(i.AccountID, "UNKNOWN-ACCOUNT"),
		"{date}", now.Format(time.DateOnly),
	).Replace
}

// firstAddress is the first IPv4 address that is not a loopback's.
func firstAddress() string {
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	return ""
}
