-- Listings filter by status and page by id.
CREATE INDEX orders_by_status ON orders (status, id);
