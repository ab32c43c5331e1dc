package solo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// account is somebody whose credentials a user of this machine may want.
type account struct {
	cloud, username, project, password string
}

const regionName = "RegionOne"

// writeCredentials writes openrc (demo), openrc-admin and clouds.yaml into dir, mode 0600.
func writeCredentials(dir, authURL string, demo, admin account) error {
	files := map[string]string{
		"openrc":       openrc("openrc", authURL, demo),
		"openrc-admin": openrc("openrc-admin", authURL, admin),
		"clouds.yaml":  "clouds:\n" + cloudEntry(authURL, demo) + cloudEntry(authURL, admin),
	}
	for name, text := range files {
		if err := replaceFile(filepath.Join(dir, name), text); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile puts a whole new file in the place of the old one, never half of it.
func replaceFile(path, text string) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

func openrc(name, authURL string, a account) string {
	return fmt.Sprintf(`# Credentials of user %[3]s in project %[4]s. Use: . %[1]s
unset OS_CLOUD OS_TOKEN OS_USER_ID OS_PROJECT_ID OS_SYSTEM_SCOPE
export OS_AUTH_URL=%[2]s
export OS_IDENTITY_API_VERSION=3
export OS_USERNAME=%[3]s
export OS_PASSWORD=%[5]s
export OS_PROJECT_NAME=%[4]s
export OS_USER_DOMAIN_NAME=Default
export OS_PROJECT_DOMAIN_NAME=Default
export OS_REGION_NAME=%[6]s
`, name, authURL, a.username, a.project, a.password, regionName)
}

func cloudEntry(authURL string, a account) string {
	return fmt.Sprintf(`  %s:
    auth:
      auth_url: %s
      username: %s
      password: %s
      project_name: %s
      user_domain_name: Default
      project_domain_name: Default
    region_name: %s
    identity_api_version: 3
`, a.cloud, authURL, a.username, a.password, a.project, regionName)
}

// passwordIn returns the password that an openrc file of ours holds, "" if there is none.
func passwordIn(openrc string) string {
	text, err := os.ReadFile(openrc)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if password, found := strings.CutPrefix(strings.TrimSpace(line), "export OS_PASSWORD="); found {
			return password
		}
	}
	return ""
}

// ownerID returns the id under which this state directory's things in Docker are known as
// its own, and makes it at the first start.
func ownerID(dir string) (string, error) {
	path := filepath.Join(dir, "owner-id")
	text, err := os.ReadFile(path)
	if err == nil && len(text) > 0 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot read %s: %w", path, err)
	}
	id := uuid.NewString()
	return id, replaceFile(path, id+"\n")
}
