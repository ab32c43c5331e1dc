package control

import (
	"context"
	"regexp"
	"strings"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// domainForm is what may stand before the name of an image: a host, with a port or not,
// and what images there have in common.
var domainForm = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)

// CreateRegistry records a registry. Whether its credentials are good is found out by the
// first pull. CodeInvalid: bad name or domain.
func (s *Service) CreateRegistry(ctx context.Context, g policy.Grant, request zun.RegistryRequest) (zun.Registry, error) {
	who := g.Identity()
	if who.ProjectID == "" {
		return zun.Registry{}, zun.Errorf(zun.CodePolicyNotAuthorized, "cannot create a registry: the token is not scoped to a project")
	}
	r := zun.Registry{
		ID: s.NewID(), Name: request.Name, ProjectID: who.ProjectID, UserID: who.UserID,
		Domain: request.Domain, Username: request.Username, CreatedAt: s.now(),
	}
	r.UpdatedAt = r.CreatedAt
	if err := checkRegistry(r); err != nil {
		return zun.Registry{}, err
	}
	if err := s.seal(&r, request.Password); err != nil {
		return zun.Registry{}, err
	}
	return r, s.Store.AddRegistry(ctx, r)
}

// ListRegistries returns a page of the registries of the caller's project, or of all
// projects if he may.
func (s *Service) ListRegistries(ctx context.Context, g policy.Grant, filter zun.RegistryFilter) ([]zun.Registry, error) {
	if filter.AllProjects {
		if err := s.may(g, "registry:get_all_all_projects", nil); err != nil {
			return nil, err
		}
		return s.Store.ListRegistries(ctx, "", filter)
	}
	if g.Identity().ProjectID == "" {
		return nil, nil
	}
	return s.Store.ListRegistries(ctx, g.Identity().ProjectID, filter)
}

// GetRegistry returns a registry by UUID or name. CodeRegistryNotFound: the caller has
// none; CodeConflict: several have the name.
func (s *Service) GetRegistry(ctx context.Context, g policy.Grant, ref string) (zun.Registry, error) {
	return s.registry(ctx, g, ref)
}

// UpdateRegistry changes a registry. Containers that exist use it as it is from now on,
// whenever their image is pulled again. Codes as CreateRegistry and GetRegistry have them.
func (s *Service) UpdateRegistry(ctx context.Context, g policy.Grant, ref string, change zun.RegistryChange) (zun.Registry, error) {
	found, err := s.registry(ctx, g, ref)
	if err != nil {
		return zun.Registry{}, err
	}
	var r zun.Registry
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		if r, err = s.Store.Registry(ctx, found.ID); err != nil {
			return err
		}
		setTo(&r.Name, change.Name)
		setTo(&r.Domain, change.Domain)
		setTo(&r.Username, change.Username)
		if err := checkRegistry(r); err != nil {
			return err
		}
		if change.Password != nil {
			if err := s.seal(&r, *change.Password); err != nil {
				return err
			}
		}
		r.UpdatedAt = s.now()
		return s.Store.SaveRegistry(ctx, r)
	})
	return r, err
}

// DeleteRegistry removes a registry. CodeConflict: containers are made from its images.
func (s *Service) DeleteRegistry(ctx context.Context, g policy.Grant, ref string) error {
	r, err := s.registry(ctx, g, ref)
	if err != nil {
		return err
	}
	return s.Store.DeleteRegistry(ctx, r.ID)
}

func setTo[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// registry returns the registry that ref names, as container does for containers.
func (s *Service) registry(ctx context.Context, g policy.Grant, ref string) (zun.Registry, error) {
	id := g.Identity()
	var found []zun.Registry
	var err error
	if id.ProjectID != "" {
		found, err = s.Store.FindRegistries(ctx, id.ProjectID, ref)
	}
	if err == nil && len(found) == 0 && s.Policy.IsAdmin(id) {
		found, err = s.Store.FindRegistries(ctx, "", ref)
	}
	if err != nil {
		return zun.Registry{}, err
	}
	switch len(found) {
	case 0:
		return zun.Registry{}, noRegistry(ref)
	case 1:
		return found[0], s.mayTouchRegistry(g, found[0])
	default:
		return zun.Registry{}, ambiguous("registries", ref)
	}
}

func noRegistry(ref string) *zun.Error {
	return zun.Errorf(zun.CodeRegistryNotFound, "Registry %s could not be found.", ref)
}

// mayTouchRegistry asks the grant's rule again, now about the registry that was found.
func (s *Service) mayTouchRegistry(g policy.Grant, r zun.Registry) error {
	target := policy.Target{"project_id": r.ProjectID, "user_id": r.UserID}
	if g.Rule() == "" || s.Policy.Allows(g.Identity(), g.Rule(), target) {
		return nil
	}
	if r.ProjectID != g.Identity().ProjectID {
		return noRegistry(r.ID)
	}
	_, err := s.Policy.Authorize(g.Identity(), g.Rule(), target)
	return err
}

// checkRegistry refuses what no image could be pulled from. A first part without a dot,
// a port or the name localhost is no host to Docker: it would be Docker Hub that gets the
// credentials.
func checkRegistry(r zun.Registry) error {
	if r.Name != "" {
		if err := checkName("registry", r.Name); err != nil {
			return err
		}
	}
	host, _, _ := strings.Cut(r.Domain, "/")
	switch {
	case strings.Contains(r.Domain, "://"):
		return zun.Errorf(zun.CodeInvalid, "cannot use registry domain %q: leave the scheme out, as in registry.example.org:5000", r.Domain)
	case len(r.Domain) > maxName || !domainForm.MatchString(r.Domain):
		return zun.Errorf(zun.CodeInvalid, "cannot use registry domain %q: it is a host, and if need be a port and a path, "+
			"as in registry.example.org:5000 or registry.example.org/team", r.Domain)
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		return zun.Errorf(zun.CodeInvalid, "cannot use registry domain %q: Docker takes %s for a user of Docker Hub and not for a host; "+
			"write the host with its domain or port, or docker.io/%[2]s", r.Domain, host)
	}
	return nil
}

// seal puts a password into a registry's record; the empty one is none.
func (s *Service) seal(r *zun.Registry, password zun.Secret) error {
	r.SealedPassword = ""
	if password.Reveal() == "" {
		return nil
	}
	if s.Vault == nil {
		return zun.Errorf(zun.CodeUnavailable, "cannot keep the password of registry %s: this service has no key file to encrypt it with", r.ID)
	}
	var err error
	r.SealedPassword, err = s.Vault.Seal(password.Reveal(), r.ID)
	return err
}

// registryFor finds the registry of the caller's project that a new container names, and
// refuses an image that is plainly another's: the credentials are for this one.
func (s *Service) registryFor(ctx context.Context, g policy.Grant, ref, image string) (string, error) {
	if ref == "" {
		return "", nil
	}
	found, err := s.Store.FindRegistries(ctx, g.Identity().ProjectID, ref)
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", noRegistry(ref)
	case len(found) > 1:
		return "", ambiguous("registries", ref)
	}
	return found[0].ID, checkOfRegistry(found[0], image)
}

// checkOfRegistry refuses an image whose name says that it is of another registry.
func checkOfRegistry(r zun.Registry, image string) error {
	host, rest, _ := strings.Cut(image, "/")
	if rest == "" || !strings.ContainsAny(host, ".:") && host != "localhost" || strings.HasPrefix(image, r.Domain+"/") {
		return nil
	}
	return zun.Errorf(zun.CodeInvalid, "cannot use image %s with registry %s: the image's name says %s, and the registry is %s; "+
		"leave the host out of the image's name, or name a registry with that domain", image, r.ID, host, r.Domain)
}

// access returns what a node needs to pull a container's image. A password that cannot be
// had is told with it, and matters only if the image has to be pulled.
func (s *Service) access(ctx context.Context, registryID string) (zun.RegistryAccess, error) {
	if registryID == "" {
		return zun.RegistryAccess{}, nil
	}
	r, err := s.Store.Registry(ctx, registryID)
	if err != nil {
		return zun.RegistryAccess{}, err
	}
	a := zun.RegistryAccess{Domain: r.Domain, Username: r.Username}
	if r.SealedPassword == "" {
		return a, nil
	}
	password, err := s.unseal(r)
	if err != nil {
		a.Problem = "the password of registry " + r.ID + " cannot be decrypted: the service's key file has changed or is lost; " +
			"set it anew: zun registry-update --password PASSWORD " + r.ID
		s.Log.Error("cannot decrypt the password of a registry", "registry", r.ID, "error", err)
		return a, nil
	}
	a.Password = zun.NewSecret(password)
	return a, nil
}

func (s *Service) unseal(r zun.Registry) (string, error) {
	if s.Vault == nil {
		return "", zun.Errorf(zun.CodeUnavailable, "this service has no key file")
	}
	return s.Vault.Open(r.SealedPassword, r.ID)
}

// resealAll seals every password with the current key, so that an old one can be taken
// out of the key file; what cannot be opened is left as it is, and told.
func (s *Service) resealAll(ctx context.Context) {
	if s.Vault == nil {
		return
	}
	page := zun.Page{Limit: 500}
	for {
		registries, err := s.Store.ListRegistries(ctx, "", zun.RegistryFilter{Page: page})
		if err != nil {
			s.Log.Error("cannot look for passwords that an old key seals", "error", err)
			return
		}
		for _, r := range registries {
			if r.SealedPassword != "" && !s.Vault.Current(r.SealedPassword) {
				s.reseal(ctx, r)
			}
		}
		if len(registries) < page.Limit {
			return
		}
		page.Marker = registries[len(registries)-1].ID
	}
}

func (s *Service) reseal(ctx context.Context, r zun.Registry) {
	password, err := s.unseal(r)
	if err == nil {
		err = s.Store.Change(ctx, func(ctx context.Context) error {
			now, err := s.Store.Registry(ctx, r.ID)
			if err != nil || now.SealedPassword != r.SealedPassword {
				return err // somebody has set a new one
			}
			if err := s.seal(&now, zun.NewSecret(password)); err != nil {
				return err
			}
			return s.Store.SaveRegistry(ctx, now)
		})
	}
	if err != nil {
		s.Log.Error("cannot seal a registry's password with the current key", "registry", r.ID, "error", err)
		return
	}
	s.Log.Info("a registry's password is sealed with the current key", "registry", r.ID)
}
