# The public names of this namespace and the modules that define them; the file beside this one reads them from here.

from immunoode.sensitivity_analysis.result import GlobalSensitivity as GlobalSensitivity
