"""Cluster-robust variance of a linear fit, from the sums of each cluster alone.

Notation: cluster g holds rows ``X_g`` with weights; ``S_g = X_g' W X_g``, ``M = (sum S_g)^-1`` and
scores ``t_g = X_g' W (y_g - X_g b)``. The adjustment of Bell and McCaffrey needs no row:
``X_g' (I - X_g M X_g')^-1/2 = (I - S_g M)^-1/2 X_g'``, and with ``M = L L'`` the right side is a
symmetric function of ``K_g = L' S_g L``, a matrix as small as the number of coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from abplat.stats.moments import FloatArray

Correction = Literal["cr2", "cr1", "cr0"]

_SINGULAR = 1e-10


@dataclass(frozen=True, slots=True)
class ClusterFit:
    """A linear fit with the covariance of its coefficients and what degrees of freedom need.

    Attributes:
        beta: Coefficients, shape (p,).
        covariance: Their covariance, shape (p, p).
        root: L with M = L L', shape (p, p).
        vectors: Eigenvectors of K_g, shape (G, p, p).
        values: Eigenvalues of K_g, shape (G, p).
        correction: How the covariance was corrected.
    """

    beta: FloatArray
    covariance: FloatArray
    root: FloatArray
    vectors: FloatArray
    values: FloatArray
    correction: Correction

    def df(self, contrast: FloatArray) -> float:
        """Return the degrees of freedom of a contrast, shape (p,): Satterthwaite for ``cr2``, else G - 1."""
        n_clusters = len(self.values)
        if self.correction != "cr2":
            return float(n_clusters - 1)
        # Gamma = diag(w'w) - Q Q' in the notation of Pustejovsky and Tipton (2018), eq. 12.
        turned = np.einsum("gij,i->gj", self.vectors, self.root.T @ contrast)
        inverse = _invert(self.values)
        own = np.einsum("gj,gj->g", inverse * self.values * turned, turned)
        shared = np.einsum("gij,gj->gi", self.vectors, np.sqrt(inverse) * self.values * turned)
        size = np.einsum("gi,gi->g", shared, shared)
        product = shared.T @ shared
        trace = float(np.sum(own - size))
        square = float(np.sum(own**2) - 2 * np.sum(own * size) + np.sum(product**2))
        return trace * trace / square if square > 0 else 0.0


def fit_clusters(cross: FloatArray, moment: FloatArray, n_rows: int, correction: Correction) -> ClusterFit:
    """Fit least squares from the sums of clusters.

    Args:
        cross: Sums of products of the regressors per cluster, shape (G, p, p).
        moment: Sums of regressors times outcome per cluster, shape (G, p).
        n_rows: Rows behind the sums; only ``cr1`` asks for them.
        correction: ``cr2`` (Bell-McCaffrey), ``cr1`` (Stata's factor) or ``cr0`` (none).

    Returns:
        The fit. The regressors must not depend on each other.

    References:
        Bell, McCaffrey (2002), Survey Methodology 28, section 3; Pustejovsky, Tipton (2018),
        JBES 36, eq. 10-12; Imbens, Kolesar (2016), REStat 98, eq. 11.

    Examples:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 4.0]])
        >>> y = np.array([1.0, 2.0, 4.0, 7.0])
        >>> one_each = np.einsum("gi,gj->gij", x, x)
        >>> fit_clusters(one_each, x * y[:, None], 4, "cr2").beta.round(3)
        array([0.8  , 1.543])
    """
    total = cross.sum(axis=0)
    inverse = np.linalg.inv(total)
    root: FloatArray = np.linalg.cholesky((inverse + inverse.T) / 2).astype(np.float64)
    beta = inverse @ moment.sum(axis=0)
    scores = (moment - np.einsum("gij,j->gi", cross, beta)) @ root
    eigen = np.linalg.eigh(root.T @ cross @ root)
    values, vectors = eigen.eigenvalues.astype(np.float64), eigen.eigenvectors.astype(np.float64)
    if correction == "cr2":
        turned = np.einsum("gij,gi->gj", vectors, scores) * np.sqrt(_invert(values))
        scores = np.einsum("gij,gj->gi", vectors, turned)
    meat = scores.T @ scores
    if correction == "cr1":
        n_clusters, p = moment.shape
        meat = meat * (n_clusters / (n_clusters - 1) * (n_rows - 1) / (n_rows - p))
    return ClusterFit(beta, root @ meat @ root.T, root, vectors, values, correction)


def _invert(values: FloatArray) -> FloatArray:
    """Return 1 / (1 - eigenvalue), and 0 where a cluster alone decides a coefficient."""
    left = 1.0 - np.clip(values, 0.0, 1.0)
    return np.divide(1.0, left, out=np.zeros_like(left), where=left > _SINGULAR)
