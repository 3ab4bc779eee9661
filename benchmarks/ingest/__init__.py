"""How fast pictures come in, against the usual loop and against rclip."""
