"""The one version number. The citation, the changelog, the README and the weights' tag
are tested against it.
"""

VERSION = "0.17.0"
