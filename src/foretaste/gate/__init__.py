"""Every record of a live stream judged before anything learns from it."""

from foretaste.gate.decision import Decision, WindowRecord
from foretaste.gate.gate import Gate
from foretaste.gate.ruled import Ruled, Window
from foretaste.gate.terms import Terms

__all__ = ["Decision", "Gate", "Ruled", "Terms", "Window", "WindowRecord"]
