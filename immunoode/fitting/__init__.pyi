# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.fitting.comparison import FitComparison as FitComparison
from immunoode.fitting.comparison import compare_fits as compare_fits
from immunoode.fitting.error_weights import ErrorWeight as ErrorWeight
from immunoode.fitting.error_weights import register_error as register_error
from immunoode.fitting.per_subject import EachResult as EachResult
from immunoode.fitting.per_subject import fit_each as fit_each
