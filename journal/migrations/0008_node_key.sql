-- The key by which the nodes know one another, and from which the tokens of jobs and the sessions
-- of browsers are made. Whoever reads this table is a node: roles of others may not.
create table node_key (
  singular boolean primary key default true check (singular),
  key bytea not null
);
-- Ids of version 4 are 122 bits of strong chance each; no extension is needed for them.
insert into node_key (key) values (
  sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
);
