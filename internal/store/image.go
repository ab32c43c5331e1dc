package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/gozun/gozun/zun"
)

type imageRow struct {
	bun.BaseModel `bun:"table:image,alias:i"`

	ID           int64 `bun:",pk,autoincrement"`
	UUID         string
	ProjectID    string
	UserID       string
	ImageID      string // Docker's
	Repo         string
	Tag          string
	Size         int64
	Host         string
	PullPolicy   string
	RegistryID   string
	Status       string
	StatusReason string
	StatusDetail string
	CreatedAt    int64
	UpdatedAt    int64
}

func rowOfImage(i zun.Image) *imageRow {
	return &imageRow{
		UUID: i.ID, ProjectID: i.ProjectID, UserID: i.UserID, ImageID: i.DockerID, Repo: i.Repo, Tag: i.Tag, Size: i.SizeBytes,
		Host: i.Host, PullPolicy: i.PullPolicy, RegistryID: i.RegistryID,
		Status: string(i.Status), StatusReason: i.StatusReason, StatusDetail: i.StatusDetail,
		CreatedAt: toMicros(i.CreatedAt), UpdatedAt: toMicros(i.UpdatedAt),
	}
}

func (r *imageRow) image() zun.Image {
	return zun.Image{
		ID: r.UUID, ProjectID: r.ProjectID, UserID: r.UserID, DockerID: r.ImageID, Repo: r.Repo, Tag: r.Tag, SizeBytes: r.Size,
		Host: r.Host, PullPolicy: r.PullPolicy, RegistryID: r.RegistryID,
		Status: zun.ImageStatus(r.Status), StatusReason: r.StatusReason, StatusDetail: r.StatusDetail,
		CreatedAt: fromMicros(r.CreatedAt), UpdatedAt: fromMicros(r.UpdatedAt),
	}
}

func imagesOf(rows []imageRow) []zun.Image {
	images := make([]zun.Image, len(rows))
	for i := range rows {
		images[i] = rows[i].image()
	}
	return images
}

func noImage(id string) *zun.Error {
	return zun.Errorf(zun.CodeImageNotFound, "Image %s could not be found.", id)
}

// imageKeys are the sort keys of images.
func imageKeys() map[string]string {
	return map[string]string{
		"id": "id", "uuid": "uuid", "project_id": "project_id", "user_id": "user_id", "image_id": "image_id", "repo": "repo",
		"tag": "tag", "size": "size", "host": "host", "status": "status", "created_at": "created_at", "updated_at": "updated_at",
	}
}

// AddImage inserts the row of an image. CodeImageExists: the host has one of this name.
func (s *Store) AddImage(ctx context.Context, i zun.Image) error {
	return s.insert(ctx, rowOfImage(i), zun.Errorf(zun.CodeImageExists,
		"An image with tag %s and repo %s already exists on host %s.", i.Tag, i.Repo, i.Host))
}

// SaveImage writes every field of an image that is there.
func (s *Store) SaveImage(ctx context.Context, i zun.Image) error {
	ok, err := changedOne(s.writer(ctx).NewUpdate().Model(rowOfImage(i)).ExcludeColumn("id", "uuid").Where("uuid = ?", i.ID).Exec(ctx))
	if err == nil && !ok {
		return noImage(i.ID)
	}
	return err
}

// DeleteImage removes an image. Gone already is success.
func (s *Store) DeleteImage(ctx context.Context, id string) error {
	_, err := s.writer(ctx).NewDelete().Model((*imageRow)(nil)).Where("uuid = ?", id).Exec(ctx)
	return internal(err, "cannot delete image %s", id)
}

// Image returns an image by UUID, or CodeImageNotFound.
func (s *Store) Image(ctx context.Context, id string) (zun.Image, error) {
	var row imageRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("i.uuid = ?", id).Scan(ctx); err != nil {
		return zun.Image{}, found(err, noImage(id))
	}
	return row.image(), nil
}

// ListImages returns a page of the images of a project or, with an empty projectID, of
// all. An unknown sort key is CodeInvalid, an unknown marker CodeImageNotFound.
func (s *Store) ListImages(ctx context.Context, projectID string, f zun.ImageFilter) ([]zun.Image, error) {
	var rows []imageRow
	db := s.reader(ctx)
	query := db.NewSelect().Model(&rows)
	for column, value := range map[string]string{
		"project_id": projectID, "repo": f.Repo, "tag": f.Tag, "host": f.Host, "status": string(f.Status),
	} {
		if value != "" {
			query.Where("i.? = ?", bun.Ident(column), value)
		}
	}
	if err := pageBy(ctx, db, query, f.Page, "image", imageKeys(), noImage(f.Page.Marker)); err != nil {
		return nil, err
	}
	err := query.Scan(ctx)
	return imagesOf(rows), internal(err, "cannot list images")
}

// OwedImages returns the images that their hosts still have to pull or delete, oldest
// first.
func (s *Store) OwedImages(ctx context.Context) ([]zun.Image, error) {
	var rows []imageRow
	err := s.reader(ctx).NewSelect().Model(&rows).
		Where("i.status IN (?)", bun.List([]zun.ImageStatus{zun.ImagePulling, zun.ImageDeleting})).OrderExpr("i.id").Scan(ctx)
	return imagesOf(rows), internal(err, "cannot find images that are owed")
}
