// Package local is a CloudWatch on this machine: the wire protocols of CloudWatch and
// CloudWatch Logs, an embedded store that survives a restart, and a web console. What an agent asks
// of other services on its way is here too: SSM Parameter Store, STS, DescribeTags and
// DescribeVolumes of EC2.
//
// It is strict. Every limit that the service documents is enforced with the service's own error
// code (limits.go quotes the sentence each one comes from), so that whatever is accepted here is
// accepted there. It imports no other package of this module: a fake that shared code with the
// agent would agree with the agent's mistakes.
//
// A Server's zero value is ready for use and keeps everything in memory:
//
//	service := httptest.NewServer(&local.Server{})
//
// It also fails on request (SetFaults, and PUT /faults): errors, throttling, resets, hangs, and answers
// that are lost after the write.
//
// What it does not do: verify signatures (it has no secrets to verify with, but it refuses a
// request without one), encrypt (a SecureString lies in its store as it was given), throttle by itself, evaluate metric math, or forget as slowly as the service does.
package local
