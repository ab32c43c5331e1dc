package keystone

import (
	"strings"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/gozun/gozun/zun"
)

// Credentials are what it takes to log in. Either a user (by id, or by name and domain)
// with a password, or an application credential with its secret, or a token.
type Credentials struct {
	AuthURL string // with or without /v3

	Username, UserID, Password         string
	UserDomainName, UserDomainID       string
	ProjectName, ProjectID             string
	ProjectDomainName, ProjectDomainID string

	ApplicationCredentialID     string
	ApplicationCredentialName   string // then the user is needed too
	ApplicationCredentialSecret string

	Token string // without a project it is used as it is, with one a token for that project is asked for

	Region    string // "": the first in the catalog
	Interface string // "public" (also when empty), "internal" or "admin"; the older "publicURL" is understood
	CACert    string // path of a PEM file
	Insecure  bool   // do not check the server's certificate

	Endpoints map[string]string // by service type; they win over the catalog
}

// defaultDomain is the id of the domain that OpenStack's own clients assume where none
// is named.
const defaultDomain = "default"

// options returns what gophercloud makes a login request from.
func (c Credentials) options() *gophercloud.AuthOptions {
	options := &gophercloud.AuthOptions{Scope: c.scope()}
	switch {
	case c.ApplicationCredentialSecret != "":
		options.ApplicationCredentialID = c.ApplicationCredentialID
		options.ApplicationCredentialSecret = c.ApplicationCredentialSecret
		if c.ApplicationCredentialID == "" {
			options.ApplicationCredentialName = c.ApplicationCredentialName
			c.user(options)
		}
	case c.Token != "":
		options.TokenID = c.Token
	default:
		options.Password = c.Password
		c.user(options)
	}
	return options
}

func (c Credentials) user(options *gophercloud.AuthOptions) {
	if c.UserID != "" {
		options.UserID = c.UserID
		return
	}
	options.Username = c.Username
	options.DomainID, options.DomainName = domain(c.UserDomainID, c.UserDomainName)
}

func (c Credentials) scope() *gophercloud.AuthScope {
	scope := &gophercloud.AuthScope{}
	switch {
	case c.ProjectID != "":
		scope.ProjectID = c.ProjectID
	case c.ProjectName != "":
		scope.ProjectName = c.ProjectName
		scope.DomainID, scope.DomainName = domain(c.ProjectDomainID, c.ProjectDomainName)
	}
	return scope
}

func domain(id, name string) (string, string) {
	switch {
	case id != "":
		return id, ""
	case name != "":
		return "", name
	}
	return defaultDomain, ""
}

// usesTokenAsIs reports whether there is nothing to log in with, only a token to use.
func (c Credentials) usesTokenAsIs() bool {
	return c.Token != "" && c.ApplicationCredentialSecret == "" && c.ProjectID == "" && c.ProjectName == ""
}

// missing says what a login lacks, in the words of names, or returns nil.
func (c Credentials) missing(names func(field string) string, advice string) error {
	lacks := ""
	switch {
	case c.AuthURL == "":
		lacks = names("auth_url")
	case c.ApplicationCredentialID != "" || c.ApplicationCredentialName != "":
		if c.ApplicationCredentialSecret == "" {
			lacks = names("application_credential_secret")
		} else if c.ApplicationCredentialID == "" && c.UserID == "" && c.Username == "" {
			lacks = names("username")
		}
	case c.ApplicationCredentialSecret != "":
		lacks = names("application_credential_id")
	case c.Token != "":
	case c.UserID == "" && c.Username == "":
		lacks = names("username")
	case c.Password == "":
		lacks = names("password")
	}
	if lacks == "" {
		return nil
	}
	return zun.Errorf(zun.CodeInvalid, "cannot log in: %s is not set; %s", lacks, advice)
}

// availability returns the catalog's word for the kind of endpoint wanted.
func (c Credentials) availability() string {
	if c.Interface == "" {
		return "public"
	}
	return strings.TrimSuffix(c.Interface, "URL")
}
