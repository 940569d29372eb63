"""Image -> Facts."""
