package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type fileRow struct {
	bun.BaseModel `bun:"table:container_file,alias:f"`

	ID            int64  `bun:",pk,autoincrement"`
	UUID          string `bun:"uuid"`
	ContainerUUID string `bun:"container_uuid"`
	ContainerPath string
	Contents      []byte
}

// AddFiles records files that are put into a container; they go with its row. CodeInvalid:
// two have one destination.
func (s *Store) AddFiles(ctx context.Context, containerID string, files []zun.File) error {
	for _, file := range files {
		row := &fileRow{UUID: file.ID, ContainerUUID: containerID, ContainerPath: file.Destination, Contents: file.Content}
		if row.Contents == nil {
			row.Contents = []byte{}
		}
		taken := zun.Errorf(zun.CodeInvalid, "cannot put two files at %s of container %s", file.Destination, containerID)
		if err := s.insert(ctx, row, taken); err != nil {
			return err
		}
	}
	return nil
}

// Files returns the files of a container in the order they were given.
func (s *Store) Files(ctx context.Context, containerID string) ([]zun.File, error) {
	files, err := s.files(ctx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("f.container_uuid = ?", containerID) })
	return files[containerID], err
}

// FilesOn returns the files of the containers that are placed on a host, by container.
func (s *Store) FilesOn(ctx context.Context, host string) (map[string][]zun.File, error) {
	return s.files(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Join("JOIN container AS c ON c.uuid = f.container_uuid").Where("c.host = ?", host)
	})
}

func (s *Store) files(ctx context.Context, narrow func(*bun.SelectQuery) *bun.SelectQuery) (map[string][]zun.File, error) {
	var rows []fileRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Apply(narrow).OrderExpr("f.id").Scan(ctx); err != nil {
		return nil, internal(err, "cannot read the files of containers")
	}
	files := map[string][]zun.File{}
	for _, row := range rows {
		files[row.ContainerUUID] = append(files[row.ContainerUUID], zun.File{ID: row.UUID, Destination: row.ContainerPath, Content: row.Contents})
	}
	return files, nil
}
