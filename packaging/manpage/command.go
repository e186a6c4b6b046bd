package manpage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// Command writes the pages of root and of its commands into a folder, dated by SOURCE_DATE_EPOCH. others are further names
// of a command, each of which gets a page of its own. To be called when root is complete.
func Command(root *cobra.Command, version string, others map[string]string) *cobra.Command {
	subs := available(root) // now: what cobra adds to a root with a command, this one has brought about
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
			if err != nil {
				return fmt.Errorf("man: read SOURCE_DATE_EPOCH: %w", err)
			}
			return pages(args[0], root, subs, Page{Version: version, Date: time.Unix(seconds, 0)}, others)
		},
	}
}

func pages(dir string, root *cobra.Command, subs []*cobra.Command, p Page, others map[string]string) error {
	all := make([]string, len(subs))
	for i, sub := range subs {
		all[i] = root.Name() + "-" + sub.Name()
	}
	p.Name, p.Command, p.See, p.Commands = root.Name(), root.Name(), all, subs
	if err := file(dir, root, p); err != nil {
		return err
	}
	for i, sub := range subs {
		p.Commands = available(sub)
		names := map[string]string{all[i]: root.Name() + " " + sub.Name()}
		see := []string{root.Name()}
		for other, command := range others {
			if command == sub.Name() {
				names[other] = other
				see = append(see, other, all[i])
			}
		}
		slices.Sort(see)
		for name, typed := range names {
			p.Name, p.Command = name, typed
			p.See = slices.DeleteFunc(slices.Clone(see), func(page string) bool { return page == name })
			if err := file(dir, sub, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func file(dir string, cmd *cobra.Command, p Page) error {
	f, err := os.Create(filepath.Join(dir, p.Name+".1"))
	if err != nil {
		return fmt.Errorf("man: %w", err)
	}
	return errors.Join(Write(f, cmd, p), f.Close())
}
