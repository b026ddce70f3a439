package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/validation/field"
	apiservercel "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"
)

// What the apiserver estimates when it takes a definition, a line a rule: the CRD, the rule's place, its cost at most, and
// what is allowed. The last line of a CRD is its total.
func newCostCommand() *cobra.Command {
	return &cobra.Command{
		Use:          "cel-cost CRD.yaml…",
		SilenceUsage: true,
		RunE: func(_ *cobra.Command, files []string) error {
			for _, file := range files {
				if err := printCosts(file); err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
			}
			return nil
		},
	}
}

func printCosts(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var definition v1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &definition); err != nil {
		return err
	}
	for _, version := range definition.Spec.Versions {
		var schema apiextensions.JSONSchemaProps
		if err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, &schema, nil); err != nil {
			return err
		}
		context := validation.RootCELContext(&schema)
		if err := visit(definition.Name, &schema, field.NewPath("object"), context); err != nil {
			return err
		}
		fmt.Printf("%s total %d %d\n", definition.Name, context.TotalCost.Total, validation.StaticEstimatedCRDCostLimit)
	}
	return nil
}

// The rules of a schema and of all below it, as the apiserver's own validation walks them.
func visit(name string, schema *apiextensions.JSONSchemaProps, path *field.Path, context *validation.CELSchemaContext) error {
	if len(schema.XValidations) > 0 {
		if err := observe(name, path, context); err != nil {
			return err
		}
	}
	for property, child := range schema.Properties {
		if err := visit(name, &child, path.Child(property), context.ChildPropertyContext(&child, property)); err != nil {
			return err
		}
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		child := schema.AdditionalProperties.Schema
		if err := visit(name, child, path.Key("*"), context.ChildAdditionalPropertiesContext(child)); err != nil {
			return err
		}
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		child := schema.Items.Schema
		return visit(name, child, path.Key("*"), context.ChildItemsContext(child))
	}
	return nil
}

func observe(name string, path *field.Path, context *validation.CELSchemaContext) error {
	types, err := context.TypeInfo()
	if err != nil {
		return err
	}
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	results, err := cel.Compile(types.Schema, types.DeclType, apiservercel.PerCallLimit, base, cel.NewExpressionsEnvLoader())
	if err != nil {
		return err
	}
	for index, result := range results {
		if result.Error != nil {
			return result.Error
		}
		times := result.MaxCardinality
		if context.MaxCardinality != nil {
			times = *context.MaxCardinality
		}
		cost := result.MaxCost * times
		context.TotalCost.ObserveExpressionCost(path, cost)
		fmt.Printf("%s %s#%d %d %d\n", name, path, index, cost, validation.StaticEstimatedCostLimit)
	}
	return nil
}
