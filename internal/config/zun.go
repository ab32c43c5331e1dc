package config

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Zun is what zund takes from a zun.conf of the Python service; names and meanings of the
// options are those there. Whatever else is in the file has no effect.
type Zun struct {
	PolicyFile               string        // [oslo_policy]policy_file; "" is none
	TokenCacheTime           time.Duration // [keystone_authtoken]token_cache_time; negative: none
	ServiceTokenRoles        []string      // [keystone_authtoken]service_token_roles
	RequireServiceTokenRoles bool          // [keystone_authtoken]service_token_roles_required
	AllowedOrigins           []string      // [cors]allowed_origin
	MaxLimit                 int           // [api]max_limit
}

// DefaultZun returns what holds without a file. Tokens are remembered for a minute, where
// the Python middleware has five: that is how long a revoked one may still be taken.
func DefaultZun() Zun {
	return Zun{TokenCacheTime: time.Minute, ServiceTokenRoles: []string{"service"}, MaxLimit: 1000}
}

// ReadZun checks a file. A relative policy_file is next to it. The error tells of everything
// that is wrong, not of the first.
func ReadZun(f *File) (Zun, error) {
	c := DefaultZun()
	r := reader{file: f}
	r.text("oslo_policy", "policy_file", &c.PolicyFile)
	if c.PolicyFile != "" && !filepath.IsAbs(c.PolicyFile) {
		c.PolicyFile = filepath.Join(filepath.Dir(f.name), c.PolicyFile)
	}
	cache := int(c.TokenCacheTime / time.Second)
	r.number("keystone_authtoken", "token_cache_time", &cache, -1, 86400)
	if c.TokenCacheTime = time.Duration(cache) * time.Second; cache <= 0 {
		c.TokenCacheTime = -1
	}
	r.list("keystone_authtoken", "service_token_roles", &c.ServiceTokenRoles)
	r.truth("keystone_authtoken", "service_token_roles_required", &c.RequireServiceTokenRoles)
	r.list("cors", "allowed_origin", &c.AllowedOrigins)
	r.number("api", "max_limit", &c.MaxLimit, 1, 100000)
	return c, errors.Join(r.wrong...)
}

// list reads words with commas between them.
func (r *reader) list(section, key string, into *[]string) {
	value, ok := r.get(section, key)
	if !ok {
		return
	}
	*into = nil
	for word := range strings.SplitSeq(value, ",") {
		if word = strings.TrimSpace(word); word != "" {
			*into = append(*into, word)
		}
	}
}

// number reads a whole number within bounds.
func (r *reader) number(section, key string, into *int, least, most int) {
	value, ok := r.get(section, key)
	if !ok || value == "" {
		return
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		r.bad(section, key, strconv.Quote(value)+" is no whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
		return
	}
	*into = n
}
