package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/gozun/gozun/internal/config"
	"github.com/gozun/gozun/internal/solo"
)

// readConfig takes what a zun.conf says into the settings; options of the command line win
// over it. Without a path its defaults hold.
func readConfig(path string, into *solo.Config) error {
	c := config.DefaultZun()
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("cannot read the configuration: %w", err)
		}
		file, err := config.Parse(bytes.NewReader(text), path)
		if err != nil {
			return err
		}
		if c, err = config.ReadZun(file); err != nil {
			return err
		}
	}
	if into.PolicyFile == "" {
		into.PolicyFile = c.PolicyFile
	}
	into.TokenCacheTime, into.MaxLimit, into.AllowedOrigins = c.TokenCacheTime, c.MaxLimit, c.AllowedOrigins
	into.ServiceTokenRoles, into.RequireServiceTokenRoles = c.ServiceTokenRoles, c.RequireServiceTokenRoles
	return nil
}
