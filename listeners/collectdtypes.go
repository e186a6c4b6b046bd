package listeners

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// manyNamed are the types of collectd 5.12 whose values are not one called value, and what those are called: facts out of
// its types.db(5), as which a test knows them. Those of version 4 are at the end.
const manyNamed = `
compression uncompressed compressed
df used free
disk_io_time io_time weighted_io_time
disk_latency read write
disk_merged read write
disk_octets read write
disk_ops read write
disk_time read write
dns_octets queries responses
domain_state state reason
duration seconds
ib_octets rx tx
ib_packets rx tx
if_dropped rx tx
if_errors rx tx
if_octets rx tx
if_packets rx tx
io_octets rx tx
io_ops read write
io_packets rx tx
load shortterm midterm longterm
memcached_octets rx tx
mysql_octets rx tx
node_octets rx tx
ps_count processes threads
ps_cputime user syst
ps_disk_octets read write
ps_disk_ops read write
ps_pagefaults minflt majflt
serial_octets rx tx
smart_attribute current worst threshold pretty
vf_broadcast vf_value
vf_bytes vf_rx vf_tx
vf_dropped vf_rx vf_tx
vf_link_info vf_value
vf_multicast vf_value
vf_packets vf_rx vf_tx
vmpage_faults minflt majflt
vmpage_io in out
voltage_threshold value threshold
arc_counts demand_data demand_metadata prefetch_data prefetch_metadata
arc_l2_bytes read write
arc_size current target minlimit maxlimit
mysql_qcache hits inserts not_cached lowmem_prunes queries_in_cache
mysql_threads running connected cached created
`

// dataSets are the names of the values of collectd's types; one that is not there has one, called value.
type dataSets map[string][]string

func knownTypes() dataSets {
	all := dataSets{}
	for line := range strings.Lines(manyNamed) {
		if words := strings.Fields(line); len(words) > 0 {
			all[words[0]] = words[1:]
		}
	}
	return all
}

// name is what the i-th of n values of a type is called. Of a type that is not known, or that has another number of values
// than is known, they are numbered.
func (d dataSets) name(of []byte, i, n int) string {
	switch names := d[string(of)]; {
	case len(names) == n:
		return names[i]
	case n == 1:
		return "value"
	}
	return strconv.Itoa(i)
}

// read adds the types of a file: a name, and for each value name:kind:least:most. What makes no sense is passed over, and
// told of.
func (d dataSets) read(file string) error {
	raw, err := readFile(file)
	if err != nil {
		return fmt.Errorf("read collectd_typesdb: %w", err)
	}
	var wrong []error
	n := 0
	for line := range strings.Lines(string(raw)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(strings.ReplaceAll(line, ",", " "))
		if len(words) == 0 {
			continue
		}
		var names []string
		for _, value := range words[1:] {
			if parts := strings.Split(value, ":"); len(parts) == 4 && parts[0] != "" {
				names = append(names, parts[0])
			}
		}
		if len(names) == 0 || len(names) < len(words)-1 {
			wrong = append(wrong, fmt.Errorf("read collectd_typesdb: %s:%d: a type is its name, and name:kind:least:most for each value", file, n))
			continue
		}
		d[words[0]] = names
	}
	return errors.Join(wrong...)
}
