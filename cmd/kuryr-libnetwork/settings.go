package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/gozun/gozun/internal/config"
	"github.com/gozun/gozun/internal/keystone"
)

// defaultFile is read when it is there and no other is named; it is the Python plugin's.
const defaultFile = "/etc/kuryr/kuryr.conf"

// configure makes the checked configuration out of environment, files and command line,
// of which the later win.
func configure(a arguments) (config.Kuryr, error) {
	whole := &config.File{}
	if scope := os.Getenv("CAPABILITY_SCOPE"); scope != "" {
		parsed, err := config.Parse(strings.NewReader("capability_scope = "+scope), "CAPABILITY_SCOPE in the environment")
		if err != nil {
			return config.Kuryr{}, err
		}
		whole = parsed
	}
	names, err := configFiles(a)
	if err != nil {
		return config.Kuryr{}, err
	}
	for _, name := range names {
		parsed, err := readFile(name)
		if err != nil {
			return config.Kuryr{}, err
		}
		whole = whole.Merge(parsed)
	}
	c, err := config.ReadKuryr(whole)
	if err != nil {
		return c, fmt.Errorf("cannot use the configuration: %w", err)
	}
	for _, given := range []struct {
		value string
		into  *string
	}{{a.host, &c.Host}, {a.socket, &c.Socket}, {a.stateDir, &c.StateDir}, {a.metrics, &c.MetricsListen}} {
		if given.value != "" {
			*given.into = given.value
		}
	}
	if a.metrics != "" {
		if err := config.Loopback(a.metrics); err != nil {
			return c, &exit{exitUsage, fmt.Errorf("--metrics-listen: %w", err)}
		}
	}
	if c.Host == "" {
		c.Host, err = os.Hostname()
	}
	return c, err
}

// configFiles lists the files to read, in their order.
func configFiles(a arguments) ([]string, error) {
	names := a.files
	if len(names) == 0 && len(a.dirs) == 0 {
		if _, err := os.Stat(defaultFile); err == nil {
			names = []string{defaultFile}
		}
	}
	for _, dir := range a.dirs {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("cannot read the configuration: %w", err)
		}
		found, err := filepath.Glob(filepath.Join(dir, "*.conf")) // sorted
		if err != nil {
			return nil, fmt.Errorf("cannot read the configuration in %s: %w", dir, err)
		}
		names = append(names, found...)
	}
	return names, nil
}

func readFile(name string) (*config.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	defer f.Close()
	return config.Parse(f, name)
}

// credentials come from the file, else from the environment.
func credentials(l config.Login) (keystone.Credentials, error) {
	if l.AuthURL == "" {
		who, err := keystone.FromEnvironment(os.Getenv)
		if err != nil {
			return who, fmt.Errorf("no auth_url in [neutron] of the configuration, and %w", err)
		}
		return who, nil
	}
	return keystone.Credentials{
		AuthURL: l.AuthURL, Username: l.Username, UserID: l.UserID, Password: l.Password,
		UserDomainName: l.UserDomainName, UserDomainID: l.UserDomainID,
		ProjectName: l.ProjectName, ProjectID: l.ProjectID,
		ProjectDomainName: l.ProjectDomainName, ProjectDomainID: l.ProjectDomainID,
		ApplicationCredentialID: l.ApplicationCredentialID, ApplicationCredentialName: l.ApplicationCredentialName,
		ApplicationCredentialSecret: l.ApplicationCredentialSecret,
		Token:                       l.Token, Region: l.Region, Interface: l.Interface, CACert: l.CACert, Insecure: l.Insecure,
	}, nil
}

// newLog returns the log, as the command line says, else the file.
func newLog(a arguments, c config.Kuryr, w io.Writer) (*slog.Logger, error) {
	level := slog.LevelInfo
	if c.Debug || a.debug {
		level = slog.LevelDebug
	}
	if a.logLevel != "" {
		if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
			return nil, &exit{exitUsage, fmt.Errorf("--log-level %q is not debug, info, warn or error", a.logLevel)}
		}
	}
	format := a.logFormat
	if format == "" && c.JSONLogs {
		format = "json"
	}
	options := &slog.HandlerOptions{Level: level}
	switch format {
	case "", "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, &exit{exitUsage, fmt.Errorf("--log-format %q is not text or json", format)}
}
