package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nephoscope/nephoscope/config"
	"github.com/nephoscope/nephoscope/internal/install"
)

const (
	// containerConfigs is where a container has its configurations mounted, as the original's does.
	containerConfigs = "/etc/cwagentconfig"
	// containerContent is the variable that holds the configuration of a container that has none mounted.
	containerContent = "CW_CONFIG_CONTENT"
)

// installedConfigs is what is configured here, for a command for which nothing was named: the folder of an installation's
// configurations, or in a container what was handed to it.
func installedConfigs(l install.Layout) (string, error) {
	if l.Root == "" && config.InContainer(os.Getenv) {
		return containerConfig(containerConfigs)
	}
	if path := l.Configs(); isThere(path) {
		return path, nil
	}
	return "", fmt.Errorf("no configuration: %s is not there", l.Configs())
}

// containerConfig is folder, or the variable if nothing is in it: for the original too, what is mounted comes first.
func containerConfig(folder string) (string, error) {
	switch _, _, err := config.ReadDocuments(folder); {
	case !errors.Is(err, fs.ErrNotExist):
		return folder, nil // what is wrong with it will be told
	case os.Getenv(containerContent) != "":
		return config.FromEnvironment + containerContent, nil
	}
	return "", fmt.Errorf("no configuration: mount one under %s, or hand its JSON over in %s", folder, containerContent)
}
