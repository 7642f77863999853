import type { Migration } from "../migrations.js";

/** The catalogue's images have the group ''. */
export const imagesMigration: Migration = {
  number: 4,
  name: "images, and what a sandbox took of its image",
  sql: `
  create table images (
    sequence integer primary key autoincrement,
    group_name text not null,
    name text not null,
    state text not null,
    message text not null,
    hint text,
    source text not null,
    config text not null,
    labels text not null,
    fingerprint text not null,
    content_key text not null,
    digest text not null,
    size_bytes integer not null,
    created_at integer not null,
    built_at integer,
    unique (group_name, name)
  ) strict;
  create index images_by_group on images (group_name, sequence);
  create index images_by_content on images (content_key);

  alter table groups add column used_images integer not null default 0;
  create trigger image_added after insert on images begin
    update groups set used_images = used_images + 1 where name = new.group_name;
  end;
  create trigger image_removed after delete on images begin
    update groups set used_images = used_images - 1 where name = old.group_name;
  end;

  alter table sandboxes add column image_is_public integer not null default 0;
  alter table sandboxes add column image_key text not null default '';
  alter table sandboxes add column image_config text not null default '{}';
  alter table sandboxes add column asked_program text not null default '{}';
  create index sandboxes_by_image on sandboxes (group_name, image, image_is_public);
  create index sandboxes_by_content on sandboxes (image_key);
  `,
};
