"""The Go toolchain: go list -> Project, and a woven, static build in a private view of the sources."""
