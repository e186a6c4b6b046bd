package main

import (
	"fmt"
	"os"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/explain"
	"github.com/nephoscope/nephoscope/internal/output"
	"github.com/spf13/cobra"
)

func newDiff() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff [OLD] NEW",
		Short: "Say in words what another configuration would start, stop and change",
		Long: `Diff compares two configurations, files or folders of them, by what they mean: spaces, the order of keys, and in which file
something stands make no difference. It says what a running agent would start, stop and change, and which of its tasks a reload
would leave alone. With NEW alone, it is compared with the installed configuration.

Exit status, as of diff(1): 0 the same, 1 they differ, 2 one of them has mistakes or could not be read.
` + noJSON,
		Example: `  nephoscope diff config.json.old config.json
  nephoscope diff config.json        # with what is installed`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, paths []string) error {
			if len(paths) == 1 {
				installed := layoutOf(cmd).Configs()
				if _, err := os.Stat(installed); err != nil {
					return &exitError{exitUnread, fmt.Errorf("nothing to compare with: %s is not there; name two configurations", installed)}
				}
				paths = []string{installed, paths[0]}
			}
			if paths[0] == "-" && paths[1] == "-" {
				return &exitError{exitUnread, fmt.Errorf("standard input can be one of the two only")}
			}
			if _, err := readFilesBeside(layoutOf(cmd), "", ""); err != nil { // ${NAME} is to be what it is for the agent
				return &exitError{exitUnread, err}
			}
			before, err := loadWithout(cmd, paths[0])
			if err != nil {
				return err
			}
			after, err := loadWithout(cmd, paths[1])
			if err != nil {
				return err
			}
			d, err := explain.Compare(before, after)
			if err != nil {
				return &exitError{exitUnread, err}
			}
			if asJSON {
				err = output.JSON(cmd.OutOrStdout(), d)
			} else {
				err = d.Write(cmd.OutOrStdout())
			}
			if err != nil {
				return &exitError{exitUnread, err}
			}
			if !d.Same {
				return &exitError{status: exitDiffers}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document: {\"same\": …, \"changes\": […], \"tasks\": {…}}")
	addRoot(cmd)
	return cmd
}

// exitDiffers is diff's own status, which is not a failure.
const exitDiffers = 1

// loadWithout loads a configuration that is to have no mistakes; those it has are printed.
func loadWithout(cmd *cobra.Command, path string) (*config.Config, error) {
	c, err := config.Load(path)
	problems, err := problemsOf(c, err)
	if err != nil {
		return nil, &exitError{exitUnread, err}
	}
	if mistakes := onlyMistakes(problems); len(mistakes) > 0 {
		for _, m := range mistakes {
			fmt.Fprintln(cmd.ErrOrStderr(), m.Error())
		}
		return nil, &exitError{exitUnread, fmt.Errorf("%s has %s: nothing is compared", path, output.Count(len(mistakes), "mistake"))}
	}
	return c, nil
}
