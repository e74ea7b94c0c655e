from allstop.shims.checking import AllstopHalted as AllstopHalted
from allstop.shims.checking import check as check
from allstop.shims.checking import may as may

__version__: str
