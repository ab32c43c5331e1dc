"""Settings of a Horizon that serves the zun-ui at ZUN_UI on loopback, out of one directory.

Horizon imports them as local.local_settings. Nothing of the machine's own Horizon is touched:
the panels come from the checkout's path, themes and policies from the unpacked package.
"""

import os

from openstack_dashboard.local import enabled as _enabled  # without the dash it hides Horizon's own

_enabled.__path__.append(os.path.join(os.environ['ZUN_UI'], 'zun_ui', 'enabled'))

_state = os.environ['HORIZON_STATE']
_package = os.environ['HORIZON_PACKAGE']  # openstack-dashboard, unpacked
AVAILABLE_THEMES = [('default', 'Default', _package + '/usr/share/openstack-dashboard/themes/default')]
POLICY_FILES_PATH = _package + '/etc/openstack-dashboard/policy'

DEBUG = True  # which serves static files as they are, and needs no step to collect them
ALLOWED_HOSTS = ['*']
SECRET_KEY = 'only for a test'
X_FRAME_OPTIONS = 'SAMEORIGIN'  # zun-ui shows a console in a frame of its own page
WEBROOT = '/'
STATIC_ROOT = os.path.join(_state, 'static')
MEDIA_ROOT = os.path.join(_state, 'media')
SESSION_ENGINE = 'django.contrib.sessions.backends.file'
SESSION_FILE_PATH = _state
CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}
OPENSTACK_KEYSTONE_URL = os.environ['OS_AUTH_URL']
OPENSTACK_KEYSTONE_DEFAULT_ROLE = 'member'
LOGGING = {
    'version': 1,
    'disable_existing_loggers': False,
    'handlers': {'console': {'class': 'logging.StreamHandler'}},
    'root': {'handlers': ['console'], 'level': 'INFO'},
}
