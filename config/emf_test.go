package config

import (
	"fmt"
	"testing"
)

func TestAddressesOfEMF(t *testing.T) {
	f := func(section, want string) {
		t.Helper()
		c, err := Parse("f", []byte(`{"logs": {"metrics_collected": {`+section+`}}}`))
		if err != nil {
			t.Errorf("%s: %v", section, err)
			return
		}
		got := ""
		if c.Logs.EMF != nil {
			got = fmt.Sprint(c.Logs.EMF.Addresses)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", section, got, want)
		}
	}
	f(`"emf": {}`, "[{tcp 127.0.0.1:25888} {udp 127.0.0.1:25888}]")
	f(`"structuredlog": {}`, "[{tcp 127.0.0.1:25888} {udp 127.0.0.1:25888}]")
	f(`"emf": {"service_address": ""}`, "[{tcp 127.0.0.1:25888} {udp 127.0.0.1:25888}]")
	f(`"emf": {"service_address": "tcp://:25888"}`, "[{tcp :25888}]")
	f(`"emf": {"service_address": "tcp:localhost:25888"}`, "[{tcp localhost:25888}]")
	f(`"emf": {"service_address": "udp://[::1]:1234/"}`, "[{udp [::1]:1234}]")
	f(`"emf": {"service_address": "127.0.0.1:9"}`, "[{tcp 127.0.0.1:9} {udp 127.0.0.1:9}]")
	f(`"structuredlog": {"service_address": "udp://127.0.0.1:1"}, "emf": {"service_address": "tcp://127.0.0.1:2"}`, "[{tcp 127.0.0.1:2}]")
	f(`"otlp": {}`, "")
}
