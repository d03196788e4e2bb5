"""What a pickle may import: names that only build data, names that run things, all others."""

from __future__ import annotations

import re
from enum import StrEnum

from foretaste.checkpoints.standins import Name


class Trust(StrEnum):
    """How far a name is known."""

    SAFE = "safe"  # it builds numbers, texts and containers of them
    DANGEROUS = "dangerous"  # it runs code or commands, reaches files or the network
    UNKNOWN = "unknown"


OLD = {"__builtin__": "builtins", "copy_reg": "copyreg", "exceptions": "builtins"}

SAFE = {
    "builtins": "bool bytearray bytes complex dict float frozenset int list object range set "
    "slice str tuple NoneType Ellipsis",
    "collections": "OrderedDict Counter defaultdict deque UserDict UserList",
    "copyreg": "_reconstructor",
    "_codecs": "encode",
    "datetime": "date datetime time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID",
    "array": "_array_reconstructor array",
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "pathlib": "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath",
    "enum": "Enum IntEnum",
    "numpy": "dtype ndarray bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 "
    "float32 float64 complex64 complex128 str_ bytes_ datetime64 timedelta64 matrix",
    "numpy.ma": "MaskedArray",
    "numpy.ma.core": "_mareconstruct MaskedArray",
    "numpy.random._pickle": "__randomstate_ctor __generator_ctor __bit_generator_ctor",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64",
    "numpy.random.mtrand": "RandomState",
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    "torch": "Size device dtype layout memory_format Tensor Storage bfloat16 bool double float "
    "float16 float32 float64 half int int8 int16 int32 int64 long short uint8 complex64 "
    "complex128 float8_e4m3fn float8_e5m2 qint8 quint8 qint32 per_tensor_affine "
    "per_channel_affine strided sparse_coo BFloat16Storage BoolStorage ByteStorage CharStorage "
    "ComplexDoubleStorage ComplexFloatStorage DoubleStorage FloatStorage HalfStorage IntStorage "
    "LongStorage QInt32Storage QInt8Storage QUInt8Storage QUInt4x2Storage QUInt2x4Storage "
    "ShortStorage UntypedStorage",
    "torch.storage": "UntypedStorage TypedStorage",
    "torch._utils": "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter "
    "_rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor "
    "_rebuild_meta_tensor_no_storage _rebuild_nested_tensor _rebuild_device_tensor_from_numpy "
    "_rebuild_device_tensor_from_cpu_tensor",
    "torch._tensor": "_rebuild_from_type_v2 Tensor",
    "torch.nn.parameter": "Parameter UninitializedParameter Buffer",
    "torch.serialization": "_get_layout",
    "torch.jit._pickle": "build_boollist build_doublelist build_intlist build_tensorlist "
    "build_tensor_from_id restore_type_tag",
}
SAFE_CLASSES = (  # estimators and their parts: of these libraries only what is named as a class is
    re.compile(r"sklearn(\.\w+)*"),
    re.compile(r"scipy\.sparse(\.\w+)*"),
    re.compile(r"torch\.(nn\.modules|optim)(\.\w+)*"),
    re.compile(r"numpy\.random\.bit_generator"),
)
CLASS = re.compile(
    r"_{0,2}[A-Z]\w*|(?:csr|csc|coo|bsr|dia|dok|lil)_(?:matrix|array)|__pyx_\w+|newObj"
)
NUMPY_CORE = {"multiarray": ("_reconstruct", "scalar"), "numeric": ("_frombuffer",)}
SCRIPT = re.compile(r"__torch__(\.\w+)*")  # classes of TorchScript itself, not of Python

DANGEROUS_MODULES = frozenset(
    """_aix_support _osx_support _posixsubprocess _pyrepl _thread _xxinterpchannels ast asyncio bdb
    cProfile cgi cloudpickle code codeop commands compileall concurrent ctypes dbm dill distutils
    doctest ensurepip ftplib functools glob gc http httplib idlelib imaplib imp importlib inspect io
    joblib.externals linecache lib2to3 logging marshal mmap multiprocessing nntplib nt ntpath
    operator os pdb pickle _pickle pip pipes pkgutil platform poplib posix posixpath profile pty
    py_compile pydoc readline requests rlcompleter runpy select selectors setuptools shelve shutil
    signal site smtpd smtplib socket socketserver sqlite3 ssl subprocess sys sysconfig tarfile
    telnetlib tempfile test threading timeit tkinter trace turtle unittest urllib urllib2 urllib3
    venv webbrowser winreg wsgiref xml xmlrpc zipfile zipimport torch.hub torch.jit
    torch.utils.cpp_extension torch.utils.model_zoo torch._dynamo torch._inductor torch.package
    torch.multiprocessing torch.distributed torch.fx numpy.f2py numpy.distutils numpy.testing
    numpy.lib.npyio joblib.memory joblib.parallel pandas.io keras.src.utils.python_utils
    tensorflow.python.framework.load_library""".split()
)
DANGEROUS = {
    "builtins": "apply breakpoint compile delattr eval exec execfile file getattr globals "
    "help input locals map filter memoryview open __import__ reload setattr vars type",
    "types": "CodeType FunctionType MethodType LambdaType GenericAlias",
    "torch": "load save compile classes ops hub jit package",
    "torch.serialization": "load save _load _legacy_load",
    "torch.storage": "_load_from_bytes",
    "numpy": "load loadtxt fromfile genfromtxt save savez memmap",
    "joblib": "load dump Memory Parallel",
    "pandas": "read_pickle eval",
    "_io": "FileIO open open_code",
    "codecs": "open",
    "uuid": "_get_command_stdout",
    "collections": "namedtuple",
    "copyreg": "add_extension constructor pickle",
    "sklearn.utils._testing": "run",
}


def trust(found: Name) -> Trust:
    """Whether importing and calling a name only builds data.

    >>> trust(Name("collections", "OrderedDict", 0)).value, trust(Name("os", "system", 0)).value
    ('safe', 'dangerous')
    """
    module, name = OLD.get(found.module, found.module), found.name
    if "." in name or "__" in name.strip("_"):
        inner = name.split(".")
        if any(part.startswith("__") for part in inner):
            return Trust.DANGEROUS  # a way from any object to everything there is
    if name in SAFE.get(module, "").split():
        return Trust.SAFE
    above = {module[:at] for at in (*_dots(module), len(module))}
    if above & DANGEROUS_MODULES or name in DANGEROUS.get(module, "").split():
        return Trust.DANGEROUS
    if SCRIPT.fullmatch(module):
        return Trust.SAFE
    if module == "builtins" and not name.endswith(("Error", "Exception", "Warning")):
        return Trust.DANGEROUS
    if _numpy_core(module, name) or _class(module, name):
        return Trust.SAFE
    return Trust.UNKNOWN


def _dots(module: str) -> list[int]:
    return [at for at, letter in enumerate(module) if letter == "."]


def _numpy_core(module: str, name: str) -> bool:
    """Whether it is of those that numpy moved; both names stand in files."""
    part = re.sub(r"^numpy\._?core\.", "", module)
    return part != module and name in NUMPY_CORE.get(part, ())


def _class(module: str, name: str) -> bool:
    return CLASS.fullmatch(name) is not None and any(one.fullmatch(module) for one in SAFE_CLASSES)
