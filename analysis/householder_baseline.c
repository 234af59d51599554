#define HOUSEHOLDER_TABLE householder_baseline
#include "analysis/householder_body.h"
