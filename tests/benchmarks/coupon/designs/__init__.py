"""The same route as others build it, each as small as it is usually shown, under the same gunicorn."""
