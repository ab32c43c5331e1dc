package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// plugin is a running kuryr-libnetwork on its own, on a cloud that is there.
type plugin struct {
	name    string
	metrics string // host:port
	process *exec.Cmd
}

// startPlugin starts it with the credentials that the cloud has for it, and with spare ports.
func startPlugin(ctx context.Context, cloud *cloud, program, dir, name string, spare int) (*plugin, error) {
	variables, err := readOpenrc(cloud.openrc("kuryr"))
	if err != nil {
		return nil, err
	}
	metrics, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, name+".conf")
	text := kuryrConf(variables, cloud.host(), dir, name) + fmt.Sprintf("spare_ports = %d\n[DEFAULT]\nmetrics_listen = %s\n", spare, metrics)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &plugin{name: name, metrics: metrics, process: exec.CommandContext(context.WithoutCancel(ctx), program, "--config-file", config)}
	p.process.Stdout, p.process.Stderr, p.process.Env = log, log, cloud.environment()
	p.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	if err := awaitSocket(ctx, filepath.Join(pluginDir, name+".sock")); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// kuryrConf is a configuration such as an operator writes.
func kuryrConf(v map[string]string, host, dir, name string) string {
	return fmt.Sprintf(`[DEFAULT]
socket = %[1]s
state_dir = %[2]s
host = %[10]s
[neutron]
auth_type = password
auth_url = %[3]s
username = %[4]s
password = %[5]s
project_name = %[6]s
user_domain_name = %[7]s
project_domain_name = %[8]s
region_name = %[9]s
`, filepath.Join(pluginDir, name+".sock"), filepath.Join(dir, name), v["OS_AUTH_URL"], v["OS_USERNAME"], v["OS_PASSWORD"], v["OS_PROJECT_NAME"],
		v["OS_USER_DOMAIN_NAME"], v["OS_PROJECT_DOMAIN_NAME"], v["OS_REGION_NAME"], host)
}

func awaitSocket(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return until(ctx, nil, askSeldom, func() (bool, error) {
		socket, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err != nil {
			return false, nil //nolint:nilerr // not there yet
		}
		return true, socket.Close()
	})
}

// ready reports whether the plugin has its spare ports ready.
func (p *plugin) ready(ctx context.Context, spare int) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.metrics+"/metrics", nil)
	if err != nil {
		return false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return strings.Contains(string(text), fmt.Sprintf("\ngozun_plugin_spare_ports %d\n", spare)), err
}

func (p *plugin) stop() error {
	if err := p.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.process.Wait()
}
