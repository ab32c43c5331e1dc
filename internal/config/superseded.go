package config

import (
	"fmt"
	"slices"
)

// superseded is why options of the Python plugin (and of oslo.log and keystoneauth, which
// it reads its file with) that are accepted have no effect here.
func superseded() map[string]map[string]string {
	const (
		socket  = "the plugin listens on a unix socket only (option socket)"
		plugged = "ports are plugged by their binding:vif_type; there are no port drivers"
		logs    = "logs go to standard error, where systemd's journal takes them"
		tokens  = "it is for services that check tokens; auth_url is used"
		keeps   = "it is not needed"
	)
	reasons := map[string]map[string]string{
		"DEFAULT": {
			"pybasedir": "there is no Python here", "kuryr_uri": socket, "enable_ssl": socket, "ssl_cert_file": socket, "ssl_key_file": socket,
			"port_driver": plugged, "default_port_driver": plugged, "enabled_port_drivers": plugged,
			"bindir": "ports are plugged by the plugin itself, no scripts are run", "deployment_type": keeps,
		},
		"binding": {"link_iface": "there are no drivers for nested containers"},
		"neutron": {
			"collect_timing": "metrics_listen shows the times of calls", "split_loggers": logs,
			"www_authenticate_uri": tokens, "auth_uri": tokens, "identity_uri": tokens, "auth_version": "it is always 3",
		},
	}
	for _, key := range []string{
		"log_file", "logfile", "log_dir", "logdir", "log_config_append", "log_date_format", "use_syslog", "syslog_log_facility",
		"use_journal", "use_eventlog", "use_stderr", "watch_log_file", "verbose", "default_log_levels",
		"logging_context_format_string", "logging_default_format_string", "logging_debug_format_suffix",
		"logging_exception_prefix", "logging_user_identity_format", "log_color", "log_rotation_type", "log_rotate_interval",
		"log_rotate_interval_type", "max_logfile_count", "max_logfile_size_mb", "rate_limit_interval", "rate_limit_burst",
		"rate_limit_except_level", "publish_errors", "instance_format", "instance_uuid_format", "fatal_deprecations",
	} {
		reasons["DEFAULT"][key] = logs
	}
	return reasons
}

// told says of every option that is set and has no effect why that is so, and of options in
// [binding] and [neutron] that nobody knows that they may be misspelled. Sorted.
func (r *reader) told() []string {
	reasons := superseded()
	known := map[string]bool{}
	for _, line := range kuryrLines() {
		known[line.section+"/"+line.key] = true
	}
	for _, key := range readBesides() {
		known[key] = true
	}
	var told []string
	for section, options := range r.file.sections {
		for key := range options {
			why, named := reasons[section][key]
			switch {
			case named:
				told = append(told, fmt.Sprintf("[%s] %s has no effect: %s", section, key, why))
			case (section == "binding" || section == "neutron") && !known[section+"/"+key]:
				told = append(told, fmt.Sprintf("[%s] %s is not an option of this plugin; is it misspelled?", section, key))
			}
		}
	}
	slices.Sort(told)
	return told
}

// readBesides are the options that are read and that the sample does not show: other
// spellings, rare ways to log in, and what is refused.
func readBesides() []string {
	keys := []string{"binding/default_driver", "binding/driver", "binding/enabled_drivers"}
	for _, key := range []string{
		"auth_section", "auth_plugin", "user_id", "user_domain_id", "project_id", "project_domain_id", "user_name", "user-name",
		"tenant_name", "tenant-name", "tenant_id", "tenant-id", "default_domain_id", "default_domain_name", "token",
		"application_credential_id", "application_credential_name", "application_credential_secret",
		"trust_id", "domain_id", "domain_name", "system_scope", "certfile", "keyfile",
	} {
		keys = append(keys, "neutron/"+key)
	}
	return keys
}
