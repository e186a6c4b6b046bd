package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// What is sent to the StatsD listener: so many packets a second, for so long, of so many series.
const (
	blastRate   = 100_000
	blastTime   = 10 * time.Second
	blastSeries = 128
)

// measureBlast sends timers as fast as a busy host's programs do all together. Each packet is taken or counted as dropped:
// anything else is an error.
func (b *bench) measureBlast(ctx context.Context) ([]row, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	e, err := newEndpoint(nil)
	if err != nil {
		return nil, err
	}
	defer e.close()
	p, err := b.startAgent(ctx, map[string]any{
		"agent":   map[string]any{"region": "us-east-1"},
		"metrics": map[string]any{"metrics_collected": map[string]any{"statsd": map[string]any{"service_address": address}}},
	}, e.url)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	var heard statsdCounts
	look := func() bool {
		counts, err := p.statsd(ctx)
		if err == nil {
			heard = counts
		}
		return err == nil
	}
	if err := p.until(ctx, stopTime, "listen", look); err != nil {
		return nil, err
	}
	before, err := p.cpu()
	if err != nil {
		return nil, err
	}
	sent, took, err := blast(ctx, address)
	if err != nil {
		return nil, err
	}
	after, err := p.cpu()
	if err != nil {
		return nil, err
	}
	if err := p.until(ctx, stopTime, fmt.Sprintf("take or count %d packets", sent), func() bool { return look() && heard.Received+heard.dropped() >= sent }); err != nil {
		return nil, fmt.Errorf("%w: %d were taken, %d counted as dropped", err, heard.Received, heard.dropped())
	}
	if heard.Received+heard.dropped() > sent || heard.Malformed > 0 || heard.Parsed != heard.Received {
		return nil, fmt.Errorf("blast: of %d packets %d were taken, %d values of them, %d counted as dropped, %d as malformed", sent, heard.Received, heard.Parsed, heard.dropped(), heard.Malformed)
	}
	m, _, err := p.finish()
	if err != nil {
		return nil, err
	}
	return []row{
		{Name: "statsd: packets sent a second, for ten seconds", Got: float64(sent) / took.Seconds()},
		{Name: "statsd: packets dropped, each of them counted", Got: float64(heard.dropped())},
		{Name: "statsd: processor meanwhile", Got: 100 * (after - before).Seconds() / took.Seconds(), Unit: "% of a core", Goal: atMost(100)},
		{Name: "statsd: peak resident", Got: mib(m.peak), Unit: "MiB"},
	}, nil
}

func freeAddress() (string, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	defer c.Close()
	return c.LocalAddr().String(), nil
}

// blast sends packets, a hundredth of those of a second at a time.
func blast(ctx context.Context, address string) (sent int64, took time.Duration, err error) {
	c, err := net.Dial("udp", address)
	if err != nil {
		return 0, 0, fmt.Errorf("blast: %w", err)
	}
	defer c.Close()
	packets := make([][]byte, blastSeries)
	for i := range packets {
		packets[i] = fmt.Appendf(nil, "app.requests.%d:12.5|ms|#env:prod,service:checkout", i)
	}
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	began := time.Now()
	for took < blastTime {
		select {
		case <-pace.C:
		case <-ctx.Done():
			return sent, took, ctx.Err()
		}
		took = time.Since(began)
		for due := int64(took * blastRate / time.Second); sent < due; sent++ {
			if _, err := c.Write(packets[sent%blastSeries]); err != nil {
				return sent, took, fmt.Errorf("blast: %w", err)
			}
		}
	}
	return sent, time.Since(began), nil
}

// statsdCounts is what the agent's status says of its listener.
type statsdCounts struct {
	Name      string           `json:"name"`
	Received  int64            `json:"datagrams_received"`
	Parsed    int64            `json:"values"`
	Malformed int64            `json:"malformed"`
	Dropped   map[string]int64 `json:"dropped"`
}

func (c statsdCounts) dropped() (n int64) {
	for _, dropped := range c.Dropped {
		n += dropped
	}
	return n
}

// statsd asks the agent on its socket.
func (p *process) statsd(ctx context.Context) (c statsdCounts, err error) {
	socket := filepath.Join(p.dir, "state", "control.sock")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent/status", nil)
	if err != nil {
		return c, fmt.Errorf("ask agent: %w", err)
	}
	res, err := client.Do(req)
	if err != nil {
		return c, fmt.Errorf("ask agent: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return c, fmt.Errorf("ask agent: %w", err)
	}
	var status struct {
		Metrics struct {
			Listeners []statsdCounts `json:"listeners"`
		} `json:"metrics"`
	}
	if err := json.Unmarshal(raw, &status); err != nil {
		return c, fmt.Errorf("ask agent: %w", err)
	}
	for _, l := range status.Metrics.Listeners {
		if l.Name == "statsd" {
			return l, nil
		}
	}
	return c, errors.New("ask agent: it does not listen")
}
