package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

func (s *session) cpCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "cp SOURCE DESTINATION",
		Short: "Copy files between a container and here",
		Long: `Copy files between a container and here. One of the two is CONTAINER:PATH; the container
need not run. A directory is copied with all that is in it, and DIRECTORY/. is only what is
in it. Into a directory that is there things keep their name, otherwise the last part of
DESTINATION is their name. - is a tar archive on standard input or output.`,
		Example: `  zun cp web:/etc/nginx/nginx.conf .
  zun cp site/. web:/usr/share/nginx/html
  zun cp web:/var/log - | tar t`,
		Args:              exactArgs("SOURCE", "DESTINATION"),
		ValidArgsFunction: s.completeCopy,
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		from, to := placeOf(args[0]), placeOf(args[1])
		switch {
		case from.container != "" && to.container != "":
			return usageErrorf("cp copies between a container and here, not between two containers")
		case from.container == "" && to.container == "":
			return usageErrorf("cp needs a container: one of SOURCE and DESTINATION is CONTAINER:PATH")
		case from.path == "" || to.path == "":
			return usageErrorf("cp: the path after the container is empty")
		}
		c, err := s.zun()
		if err != nil {
			return err
		}
		if from.container != "" {
			return s.copyOut(command.Context(), c, from, to.path)
		}
		return s.copyIn(command.Context(), c, from.path, to)
	}
	return command
}

// place is a path, of a container's or, without one, here.
type place struct{ container, path string }

// placeOf takes an argument apart. What has a slash before its first colon, or begins with
// a dot, is a path here.
func placeOf(arg string) place {
	container, inside, found := strings.Cut(arg, ":")
	if !found || container == "" || strings.ContainsAny(container, "/\\") || strings.HasPrefix(arg, ".") {
		return place{path: arg}
	}
	return place{container, inside}
}

// copyOut gets files out of a container.
func (s *session) copyOut(ctx context.Context, c *client.Client, from place, to string) error {
	archive, err := c.GetArchive(ctx, from.container, from.path)
	if err != nil {
		return err
	}
	if to == "-" {
		_, err := s.Stdout.Write(archive.Data)
		return err
	}
	directory, name := to, ""
	if info, err := os.Stat(to); err != nil || !info.IsDir() {
		if strings.HasSuffix(to, string(filepath.Separator)) {
			return usageErrorf("cp: there is no directory %s here", to)
		}
		directory, name = filepath.Dir(to), filepath.Base(to)
	}
	skipped, err := unpack(directory, bytes.NewReader(archive.Data), archive.Stat.Name, name)
	for _, what := range skipped {
		s.note("%s was left out: it is no file, directory or link", what)
	}
	if err == nil {
		s.done("copied %s from %s to %s", from.path, from.container, to)
	}
	return err
}

// copyIn puts files into a container: into the directory that the path names, and if that
// is none, beside it under its name.
func (s *session) copyIn(ctx context.Context, c *client.Client, from string, to place) error {
	if from == "-" {
		archive, err := io.ReadAll(io.LimitReader(s.Stdin, client.MaxPut+1))
		if err != nil {
			return err
		}
		return c.PutArchive(ctx, to.container, to.path, archive)
	}
	archive, err := pack(from, "")
	if err != nil {
		return err
	}
	err = c.PutArchive(ctx, to.container, to.path, archive)
	if zun.CodeOf(err) == zun.CodeInvalid && !strings.HasSuffix(to.path, "/") {
		if archive, err = pack(from, path.Base(to.path)); err != nil {
			return err
		}
		err = c.PutArchive(ctx, to.container, path.Dir(to.path), archive)
	}
	if err == nil {
		s.done("copied %s to %s in %s", from, to.path, to.container)
	}
	return err
}

// completeCopy completes containers, with the colon, and leaves paths to the shell.
func (s *session) completeCopy(command *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 1 || strings.ContainsAny(typed, ":/.") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	found, _ := s.completeContainers(0)(command, nil, typed)
	if len(found) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	for i, one := range found {
		name, about, _ := strings.Cut(one, "\t")
		found[i] = cobra.CompletionWithDesc(name+":", about)
	}
	return found, cobra.ShellCompDirectiveNoSpace
}

func (s *session) commitCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "commit CONTAINER REPOSITORY[:TAG]",
		Short:             "Make an image in Glance of a container",
		Long:              "Make an image in Glance of a container. gozun has no Glance yet and says so; Zun has.",
		Example:           "  zun commit web my-web:1",
		Args:              exactArgs("CONTAINER", "REPOSITORY"),
		ValidArgsFunction: s.completeContainers(1),
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		repository, tag := args[1], ""
		if i := strings.LastIndex(repository, ":"); i > strings.LastIndex(repository, "/") {
			repository, tag = repository[:i], repository[i+1:]
		}
		if repository == "" {
			return usageErrorf("commit: REPOSITORY is empty")
		}
		c, err := s.zun()
		if err != nil {
			return err
		}
		image, err := c.CommitContainer(command.Context(), args[0], repository, tag)
		if err == nil && image == "" {
			err = errors.New("the service did not say which image it makes")
		}
		if err != nil {
			return err
		}
		s.say("accepted: commit %s to image %s", args[0], image)
		return nil
	}
	return command
}
