package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// plugin is a running kuryr-libnetwork on its own, on a cloud that is there.
type plugin struct {
	name    string
	process *exec.Cmd
}

// startPlugin starts it with the credentials that the cloud has for it.
func startPlugin(ctx context.Context, cloud *cloud, program, dir, name string) (*plugin, error) {
	variables, err := readOpenrc(cloud.openrc("kuryr"))
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "kuryr.conf")
	if err := os.WriteFile(config, []byte(kuryrConf(variables, cloud.host(), dir, name)), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &plugin{name: name, process: exec.CommandContext(context.WithoutCancel(ctx), program, "--config-file", config)}
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

func (p *plugin) stop() error {
	if err := p.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.process.Wait()
}
