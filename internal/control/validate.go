package control

import (
	"path"
	"regexp"
	"strings"

	"github.com/gozun/gozun/zun"
)

// maxName is how long a name can be.
const maxName = 255

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// checkName refuses names that Zun refuses, and those that could not be told from nothing.
func checkName(what, name string) error {
	if len(name) < 2 || len(name) > maxName || !nameForm.MatchString(name) {
		return zun.Errorf(zun.CodeInvalid, "cannot call a %s %q: a name has 2 to %d letters, digits, '_', '.' or '-', "+
			"and begins with a letter or digit", what, name, maxName)
	}
	return nil
}

// checkContainer refuses what no host could run.
func (s *Service) checkContainer(r zun.ContainerRequest) error {
	if r.Name != "" {
		if err := checkName("container", r.Name); err != nil {
			return err
		}
	}
	if len(r.Image) < 2 || len(r.Image) > 255 {
		return zun.Errorf(zun.CodeInvalid, "cannot create a container from image %q: an image's name has 2 to 255 characters", r.Image)
	}
	const doing = "create a container with"
	if r.CPU != nil {
		if err := s.checkCPU(doing, *r.CPU); err != nil {
			return err
		}
	}
	if r.MemoryMiB != nil {
		if err := s.checkMemory(doing, *r.MemoryMiB); err != nil {
			return err
		}
	}
	if r.AutoRemove && r.RestartPolicy.Name != "" && r.RestartPolicy.Name != "no" {
		return zun.Errorf(zun.CodeInvalid, "cannot create a container with auto_remove and restart policy %q: choose one", r.RestartPolicy.Name)
	}
	if r.Workdir != "" && !path.IsAbs(r.Workdir) {
		return zun.Errorf(zun.CodeInvalid, "cannot create a container with workdir %q: it is a path from the root, like /srv", r.Workdir)
	}
	if err := checkRestart(r.RestartPolicy); err != nil {
		return err
	}
	if err := s.checkOptions(r); err != nil {
		return err
	}
	return checkTexts(r)
}

func (s *Service) checkCPU(doing string, cpu float64) error {
	if !(cpu >= s.Bounds.MinCPU && cpu <= s.Bounds.MaxCPU) {
		return zun.Errorf(zun.CodeInvalid, "cannot %s %v cpu: it may have %v to %v", doing, cpu, s.Bounds.MinCPU, s.Bounds.MaxCPU)
	}
	return nil
}

func (s *Service) checkMemory(doing string, mib int64) error {
	if mib < s.Bounds.MinMemoryMiB || mib > s.Bounds.MaxMemoryMiB {
		return zun.Errorf(zun.CodeInvalid, "cannot %s %d MiB of memory: it may have %d to %d", doing, mib, s.Bounds.MinMemoryMiB, s.Bounds.MaxMemoryMiB)
	}
	return nil
}

func checkRestart(p zun.RestartPolicy) error {
	switch p.Name {
	case "", "no", "on-failure":
	case "always", "unless-stopped":
		if p.MaximumRetryCount != 0 {
			return zun.Errorf(zun.CodeInvalid, "cannot create a container: restart policy %q takes no maximum retry count", p.Name)
		}
	default:
		return zun.Errorf(zun.CodeInvalid, "cannot create a container: restart policy %q is not one of no, on-failure, always, unless-stopped", p.Name)
	}
	if p.MaximumRetryCount < 0 {
		return zun.Errorf(zun.CodeInvalid, "cannot create a container: a maximum retry count of %d is below 0", p.MaximumRetryCount)
	}
	return nil
}

// checkTexts refuses the NUL character, which no argument or variable of a process can hold.
func checkTexts(r zun.ContainerRequest) error {
	texts := map[string][]string{
		"image": {r.Image}, "workdir": {r.Workdir}, "hostname": {r.Hostname}, "command": r.Command, "entrypoint": r.Entrypoint,
		"security_groups": r.SecurityGroups,
	}
	for key, value := range r.Environment {
		if key == "" || strings.Contains(key, "=") {
			return zun.Errorf(zun.CodeInvalid, "cannot create a container: environment variable %q has no usable name", key)
		}
		texts["environment"] = append(texts["environment"], key, value)
	}
	for key, value := range r.Labels {
		texts["labels"] = append(texts["labels"], key, value)
	}
	for field, values := range texts {
		for _, value := range values {
			if strings.ContainsRune(value, 0) {
				return zun.Errorf(zun.CodeInvalid, "cannot create a container: %s holds a NUL character", field)
			}
		}
	}
	return nil
}
