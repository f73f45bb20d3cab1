"""A slow, plain reading of a closed model in Python floats: the oracle that compiled models are compared with."""

import ast
import math
from dataclasses import replace

from immunoode.model.expressions import parse
from immunoode.model.roles import compartments_with_role, source_target_pairs

FUNCTIONS = {
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "sqrt": math.sqrt,
    "abs": abs,
    "tanh": math.tanh,
    "sin": math.sin,
    "cos": math.cos,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "floor": math.floor,
    "min": min,
    "max": max,
    "hill": lambda x, half, n: 0.0 if x <= 0 else 1.0 / (1.0 + (half / x) ** n),
    "saturation": lambda x, half: x / (half + x),
    "emax": lambda x, most, half: most * x / (half + x),
    "gompertz": lambda x, rate, capacity: 0.0 if x <= 0 else rate * x * math.log(capacity / x),
    "logistic": lambda x, rate, capacity: rate * x * (1 - x / capacity),
}
BINARY = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
COMPARE = {ast.Lt: lambda a, b: a < b, ast.LtE: lambda a, b: a <= b, ast.Gt: lambda a, b: a > b, ast.GtE: lambda a, b: a >= b}


class Naive:
    """Values of one model at one time and state."""

    def __init__(self, model, time, state, values=None):
        self.model = model
        self.known = {"time": time, **{k: p.value for k, p in model.constants.items()}, **(values or {})}
        self.known |= dict(zip(model.compartments, state, strict=True))

    def value(self, name):
        if name in self.known:
            return self.known[name]
        model = self.model
        if name in model.derived:
            return self.evaluate(model.derived[name].expr)
        if name in model.modifiables:
            value, product = self.evaluate(model.modifiables[name].base), 1.0
            for modifier in model.modifiers.values():
                if modifier.of == name and modifier.add:
                    value += self.evaluate(modifier.add)
                elif modifier.of == name:
                    product *= self.evaluate(modifier.factor)
            return value * product
        return model.needs[name].value

    def evaluate(self, text, own=None):
        return self.node(parse(text), own or {})

    def node(self, node, own):
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return own[node.id] if node.id in own else self.value(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not self.node(node.operand, own)
        if isinstance(node, ast.UnaryOp):
            return -self.node(node.operand, own) if isinstance(node.op, ast.USub) else self.node(node.operand, own)
        if isinstance(node, ast.BinOp):
            return BINARY[type(node.op)](self.node(node.left, own), self.node(node.right, own))
        if isinstance(node, ast.Compare):
            return COMPARE[type(node.ops[0])](self.node(node.left, own), self.node(node.comparators[0], own))
        if isinstance(node, ast.BoolOp):
            return (all if isinstance(node.op, ast.And) else any)(self.node(v, own) for v in node.values)
        name, arguments = node.func.id, node.args
        if name == "total":
            return sum(self.known[c] for c in compartments_with_role(self.model, arguments[0].value))
        if name == "time_since_first":
            return max(self.known["time"] - self.known.get(f"first dose of {arguments[0].value}", 1e300), 0.0)
        if name == "piecewise":
            for value, condition in zip(arguments[0:-1:2], arguments[1::2], strict=True):
                if self.node(condition, own):
                    return self.node(value, own)
            return self.node(arguments[-1], own)
        return FUNCTIONS[name](*(self.node(a, own) for a in arguments))

    def susceptibility(self, source, cause):
        met = [r for r in self.model.resistances.values() if cause and (r.of, r.against) == (source, cause)]
        return math.prod(1 - self.evaluate(r.share) for r in met)

    def rates(self):
        rates = dict.fromkeys(self.model.compartments, 0.0)
        for flow in self.model.flows.values():
            of = replace(flow, source=flow.producer, producer="") if flow.producer else flow
            for source, target in source_target_pairs(self.model, of)[0]:
                own = {"self": self.known[source or target]}
                rate = self.evaluate(flow.rate or flow.per_capita, own) * (1.0 if flow.rate else own["self"])
                rate *= self.susceptibility(source, flow.cause)
                if source and not flow.producer:  # a producer is not left
                    rates[source] -= rate
                if target:
                    rates[target] += rate * (self.evaluate(flow.gain, own) if flow.gain else 1.0)
        return list(rates.values())
