"""The adapter on a real cluster: what a real API server and kubelet do with what we send."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from kdebug.cli.shell import run_command
from kdebug.cluster.api import KubernetesCluster
from kdebug.cluster.connect import connect
from kdebug.cluster.context import Selection
from kdebug.cluster.kubeconfig import load
from kdebug.domain.kinds import CONFIG_MAP, NAMESPACE, POD, SECRET, Manifest, uid_of
from kdebug.domain.rights import Access
from kdebug.errors import ConflictError, DeniedError, InvalidError, NotFoundError, StreamLostError
from kdebug.session.port import ExecStream, ExitStatus
from tests.support.kubectl import kubectl_command

pytestmark = pytest.mark.cluster
