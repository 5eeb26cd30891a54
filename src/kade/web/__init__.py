"""HTTP toolkit that knows no dialect: listeners, mounts, bodies in and out, tus."""
