package solo

import (
	"context"

	"github.com/gozun/gozun/internal/keystone"
	"github.com/gozun/gozun/internal/minicloud/dataplane"
	"github.com/gozun/gozun/internal/minicloud/identity"
	"github.com/gozun/gozun/internal/minicloud/network"
)

// cloud is the Keystone and Neutron that are served: the credentials of our services there.
type cloud struct {
	zun, kuryr keystone.Credentials
	plane      *dataplane.Plane // nil when the cloud is another's
}

// openCloud takes the existing cloud of the configuration, or builds minicloud.
func (s *Solo) openCloud(ctx context.Context) (cloud, error) {
	if s.config.Cloud != nil {
		return cloud{zun: *s.config.Cloud, kuryr: *s.config.Cloud}, nil
	}
	return s.buildMinicloud(ctx)
}

// buildMinicloud adds the embedded Keystone, Neutron and data plane.
func (s *Solo) buildMinicloud(ctx context.Context) (cloud, error) {
	lock, err := lockDataPlane(ctx)
	if err != nil {
		return cloud{}, err
	}
	s.closers = append(s.closers, lock)
	records, err := s.openRecords("minicloud.db")
	if err != nil {
		return cloud{}, err
	}
	users, err := identity.New(identity.Config{DB: records, Log: s.config.Log.With("part", "identity")})
	if err != nil {
		return cloud{}, err
	}
	authURL := endpoint(s.listeners.identity, "/v3")
	passwords, err := s.bootstrap(ctx, users, authURL)
	if err != nil {
		return cloud{}, err
	}
	networks, err := network.New(network.Config{
		DB: records, Validate: users.Validate, Host: s.config.Host, ServiceProject: users.ProjectID("service"),
		Log: s.config.Log.With("part", "network"),
	})
	if err != nil {
		return cloud{}, err
	}
	plane := dataplane.New(dataplane.Config{Source: networks, Log: s.config.Log.With("part", "dataplane")})
	s.tasks = append(s.tasks, plane)
	s.beneath = append(s.beneath,
		&webTask{name: "identity API", listener: s.listeners.identity, handler: users.Handler(), log: s.config.Log},
		&webTask{name: "network API", listener: s.listeners.network, handler: networks.Handler(), log: s.config.Log})
	return cloud{
		zun:   serviceUser(authURL, "zun", passwords["zun"]),
		kuryr: serviceUser(authURL, "kuryr", passwords["kuryr"]),
		plane: plane,
	}, nil
}

// bootstrap makes what a cloud begins with. The services' users get new passwords at each
// start, which are kept nowhere; demo and admin keep the ones in their openrc, and get new
// ones when that file is gone.
func (s *Solo) bootstrap(ctx context.Context, users *identity.Service, authURL string) (identity.Passwords, error) {
	kept := map[string]string{
		"demo":  passwordIn(s.config.path("openrc")),
		"admin": passwordIn(s.config.path("openrc-admin")),
	}
	renew := []string{"zun", "kuryr"}
	for user, password := range kept {
		if password == "" {
			renew = append(renew, user)
		}
	}
	passwords, err := users.Bootstrap(ctx, identity.Bootstrap{
		Region: regionName, Renew: renew,
		Endpoints: map[string]string{
			"identity":  authURL,
			"network":   endpoint(s.listeners.network, ""),
			"container": endpoint(s.listeners.container, "/v1"),
		},
	})
	if err != nil {
		return nil, err
	}
	for user, password := range kept {
		if passwords[user] == "" {
			passwords[user] = password
		}
	}
	demo := account{cloud: "gozun", username: "demo", project: "demo", password: passwords["demo"]}
	admin := account{cloud: "gozun-admin", username: "admin", project: "admin", password: passwords["admin"]}
	return passwords, writeCredentials(s.config.StateDir, authURL, demo, admin)
}

func serviceUser(authURL, name, password string) keystone.Credentials {
	return keystone.Credentials{
		AuthURL: authURL, Username: name, Password: password, UserDomainName: "Default",
		ProjectName: "service", ProjectDomainName: "Default", Region: regionName,
	}
}
