package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nephoscope/nephoscope/local"
)

// options are what the command line says.
type options struct {
	listen      string
	data        string
	tags        []string
	volumes     []string
	accessLog   string
	allowRemote bool
	allowHosts  []string
}

func newCommand() *cobra.Command {
	var o options
	command := &cobra.Command{
		Use:   "nephoscope-local",
		Short: "A CloudWatch on this machine, with a web console",
		Long: `A CloudWatch on this machine, with a web console.

It takes metrics and log events from agents, AWS SDKs and the AWS CLI, holds them against the limits
of the real service, keeps them, and shows them in a browser at the same address. It needs no AWS
account: any credentials will do.

Times, names, sizes and retention are checked as CloudWatch checks them. Without --data everything
is in memory and gone when it stops.

It also answers for SSM Parameter Store, STS (any role may be assumed), EC2 DescribeTags and
DescribeVolumes. A SecureString is stored in the clear. docs/local.md lists every operation.

It fails on request, so that you can see what a client does then: PUT /faults takes rules for errors,
throttling, resets, hangs, delays and answers that are lost after the write; GET shows how often each
has struck, and DELETE removes them. docs/faults.md describes them.`,
		Example: `  nephoscope-local --data ~/.local/share/nephoscope-local

  # in another shell
  export AWS_ENDPOINT_URL=http://127.0.0.1:4586 AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
  aws cloudwatch put-metric-data --namespace Demo --metric-name visits --value 1
  aws cloudwatch list-metrics

  # the next three batches of log events are stored, and nobody is told so
  curl -X PUT http://127.0.0.1:4586/faults -d '[{"operation": "PutLogEvents", "do": "lose_answer", "times": 3}]'`,
		Args:          cobra.NoArgs,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.listen, "listen", "127.0.0.1:4586", "address and port to listen on; port 0 picks a free one")
	flags.StringVar(&o.data, "data", "", "folder to keep everything in (default: in memory)")
	flags.StringArrayVar(&o.tags, "tag", nil, "KEY=VALUE that EC2 DescribeTags answers for any instance; may be repeated")
	flags.StringArrayVar(&o.volumes, "volume", nil, "DEVICE=ID of an EBS volume that EC2 DescribeVolumes answers is attached to any instance, as /dev/sdf=vol-0123; may be repeated")
	flags.StringVar(&o.accessLog, "access-log", "", "file that gets a line in combined format for each request of the console")
	flags.BoolVar(&o.allowRemote, "allow-remote", false, "listen on addresses that other machines can reach; there is no login")
	flags.StringArrayVar(&o.allowHosts, "allow-host", nil, "further name that requests may use for this server; may be repeated")
	command.AddCommand(unshipped(command)...)
	return command
}

// run serves until ctx is done, then stops cleanly.
func run(ctx context.Context, o options, out, errs io.Writer) (err error) {
	tags, err := readPairs("--tag", "KEY=VALUE", o.tags)
	if err != nil {
		return err
	}
	volumes, err := readPairs("--volume", "DEVICE=ID", o.volumes)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, o)
	if err != nil {
		return err
	}
	server := &local.Server{Dir: o.data, Tags: tags, Volumes: volumes, AllowRemote: o.allowRemote, Hosts: o.allowHosts, ErrorLog: errs}
	if o.accessLog != "" {
		file, err := os.OpenFile(o.accessLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return errors.Join(fmt.Errorf("open access log: %w", err), listener.Close())
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		server.AccessLog = file
	}
	if err := server.Open(); err != nil {
		return errors.Join(err, listener.Close())
	}
	kept := "in memory"
	if o.data != "" {
		kept = "kept in " + o.data
	}
	fmt.Fprintf(out, "CloudWatch is at http://%s (%s)\n", listener.Addr(), kept)
	return errors.Join(serve(ctx, server, listener), server.Close())
}

// listen opens the address, if it is one that only this machine reaches or the user says otherwise.
func listen(ctx context.Context, o options) (net.Listener, error) {
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, fmt.Errorf("read --listen: %q is not an address and a port, such as 127.0.0.1:4586", o.listen)
	}
	ip := net.ParseIP(host)
	if loopback := host == "localhost" || ip != nil && ip.IsLoopback(); !loopback && !o.allowRemote {
		return nil, fmt.Errorf("listen on %s: other machines could reach it, and there is no login; add --allow-remote if that is meant", o.listen)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if inUse(err) {
		return nil, fmt.Errorf("listen on %s: the port is taken, perhaps by another nephoscope-local; stop it, or pick another with --listen 127.0.0.1:0", o.listen)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.listen, err)
	}
	return listener, nil
}

// inUse tells a taken port from other failures, on Windows as well, where the text is its own.
func inUse(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "address already in use") || strings.Contains(text, "Only one usage of each socket address")
}

// serve answers requests until ctx is done; those under way get a moment to end.
func serve(ctx context.Context, handler http.Handler, listener net.Listener) error {
	// Live tails last as long as the browser stays: they end with this context.
	base, end := context.WithCancel(context.Background())
	defer end()
	web := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       2 * time.Minute,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	end()
	patience, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := web.Shutdown(patience); err != nil {
		return web.Close()
	}
	return nil
}

func readPairs(flag, form string, pairs []string) (map[string]string, error) {
	read := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return nil, fmt.Errorf("read %s: %q is not %s", flag, pair, form)
		}
		read[key] = value
	}
	return read, nil
}
