// Package packaging holds what service managers read, for those who install the service without a package: the same unit as
// the package's, and its equivalents for other service managers.
package packaging

import "embed"

// Service holds a file for each service manager.
//
//go:embed systemd/amazon-cloudwatch-agent.service service
var Service embed.FS
