package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryOptionOfZun(t *testing.T) {
	for _, test := range []struct {
		option  string
		used    func(*Zun)
		refused string
	}{
		{option: "DEFAULT debug = nonsense"},
		{option: "oslo_policy policy_file ="},
		{option: "oslo_policy policy_file = /etc/zun/policy.yaml", used: func(c *Zun) { c.PolicyFile = "/etc/zun/policy.yaml" }},
		{option: "oslo_policy policy_file = policy.yaml", used: func(c *Zun) { c.PolicyFile = "/etc/gozun/policy.yaml" }},
		{option: "keystone_authtoken token_cache_time = 300", used: func(c *Zun) { c.TokenCacheTime = 5 * time.Minute }},
		{option: "keystone_authtoken token_cache_time = -1", used: func(c *Zun) { c.TokenCacheTime = -1 }},
		{option: "keystone_authtoken token_cache_time = 0", used: func(c *Zun) { c.TokenCacheTime = -1 }},
		{option: "keystone_authtoken token_cache_time = soon", refused: "soon"},
		{option: "keystone_authtoken token_cache_time = 99999999", refused: "86400"},
		{option: "keystone_authtoken service_token_roles = service, glance ,", used: func(c *Zun) { c.ServiceTokenRoles = []string{"service", "glance"} }},
		{option: "keystone_authtoken service_token_roles =", used: func(c *Zun) { c.ServiceTokenRoles = nil }},
		{option: "keystone_authtoken service_token_roles_required = True", used: func(c *Zun) { c.RequireServiceTokenRoles = true }},
		{option: "keystone_authtoken service_token_roles_required = perhaps", refused: "perhaps"},
		{option: "cors allowed_origin = https://a,https://b", used: func(c *Zun) { c.AllowedOrigins = []string{"https://a", "https://b"} }},
		{option: "api max_limit = 50", used: func(c *Zun) { c.MaxLimit = 50 }},
		{option: "api max_limit = 0", refused: "from 1 to"},
	} {
		section, line, _ := strings.Cut(test.option, " ")
		file, err := Parse(strings.NewReader("["+section+"]\n"+line+"\n"), "/etc/gozun/zun.conf")
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadZun(file)
		if test.refused != "" {
			if err == nil || !strings.Contains(err.Error(), test.refused) || !strings.Contains(err.Error(), "["+section+"]") {
				t.Errorf("%s: refused with %v", test.option, err)
			}
			continue
		}
		want := DefaultZun()
		if test.used != nil {
			test.used(&want)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", test.option, err, diff)
		}
	}
}
