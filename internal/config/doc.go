// Package config reads configuration files in the INI dialect of oslo.config, as all of
// OpenStack has them, and turns them into checked values.
//
// It must not know what the values are for beyond their types and ranges.
package config
