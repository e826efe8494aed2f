-- A run whose history cannot be read or written is set aside: one run must not stop the others.
-- The reason stands in the row. It sleeps for ever and is nobody's, so no claim ever finds it.
alter table runs add column aside text;
create index runs_aside on runs (created_at desc, id desc) where aside is not null;
