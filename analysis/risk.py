"""The population risk of d = 2, k = 1 in the plane of A, for the contours of Figure 2."""

import math
import re

import numpy as np

NODES = 200
"""Of the Gauss-Hermite quadrature: exact for leaky ReLU; for tanh g is right to 1e-8 where |a| is at most 1, to 1e-3 at 3."""

_erf = np.vectorize(math.erf)
ACTIVATIONS = {
    "tanh": np.tanh,
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
    "erf": _erf,
    "identity": lambda u: u,
    "leaky_relu": lambda u, alpha: np.where(u < 0, alpha * u, u),
    "softplus": lambda u: np.logaddexp(0, u),
    "gelu": lambda u: 0.5 * u * (1 + _erf(u / math.sqrt(2))),
}


def activation(name):
    """φ of a name such as `leaky_relu(0.2)`; None: not one of these."""
    word, parameter = re.fullmatch(r"(\w+)(?:\((.+)\))?", name).groups()
    function = ACTIVATIONS.get(word)
    if function and parameter:
        return lambda u: function(u, float(parameter))
    return function


def plane(name, truth, x, y):
    """[len(y), len(x)]: g(A) = ½‖E φ(Az)φ(Az)ᵀ − X*‖_F² at A = (x, y), z ~ N(0, 1); X* is that of A* = `truth`."""
    phi = activation(name)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    first, second, target = (phi(np.outer(values, nodes)) for values in (x, y, truth))
    X = (target * weights) @ target.T
    square_x, square_y = (first**2 @ weights, second**2 @ weights)
    cross = (second * weights) @ first.T
    return 0.5 * ((square_x - X[0, 0]) ** 2 + 2 * (cross - X[0, 1]) ** 2 + (square_y - X[1, 1])[:, None] ** 2)
